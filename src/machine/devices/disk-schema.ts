/** What the description of a disk may say, and which file it comes to. */
import { extname } from 'node:path'
import * as z from 'zod'
import { zBytes } from '../../units.ts'
import type { MachineView } from '../device.ts'
import { zDeviceId } from '../device-id.ts'
import { storePath } from './store-path.ts'

export const schema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('disk'),
    id: zDeviceId,
    file: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Image file or block device. Default: `.bringup/stores/<machine>/<id>.img`, which needs `size`.',
      ),
    base: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Raw image that a missing file begins as a copy of. Without `file` and `persist` the guest gets the base itself, and it stays as it is.',
      ),
    size: zBytes.optional().describe('Makes an empty raw image of this size if the file is missing.'),
    format: z
      .enum(['raw', 'qcow2'])
      .optional()
      .describe('Never guessed from content. Default: qcow2 if the name ends in .qcow2, else raw.'),
    bus: z
      .enum(['virtio', 'nvme', 'ide', 'scsi', 'usb'])
      .default('virtio')
      .describe('`ide` is SATA on a q35; `scsi` is virtio-scsi, `usb` a stick on xHCI.'),
    persist: z
      .boolean()
      .optional()
      .describe(
        'Keep what the guest writes. Default: true for bringup’s own store, false for a file that is named here.',
      ),
    readonly: z.boolean().default(false).describe('The guest sees a disk that it cannot write to.'),
    bootindex: z.int().nonnegative().optional().describe('Order in which firmware tries to boot.'),
    serial: z
      .string()
      .min(1)
      .optional()
      .describe('Serial number that the guest sees, up to 20 characters. Default: the id.'),
  }),
)

export type DiskConfig = z.output<typeof schema>

/** The file that QEMU opens. */
export function diskFile(
  { file, base, persist, id = 'disk0' }: DiskConfig,
  machine: Pick<MachineView, 'name' | 'home'>,
): string {
  const isBase = file === undefined && base !== undefined && persist !== true
  return isBase ? base : (file ?? storePath(machine, id))
}

export function formatOf({ format, file = '' }: Pick<DiskConfig, 'format' | 'file'>): 'raw' | 'qcow2' {
  return format ?? (extname(file).toLowerCase() === '.qcow2' ? 'qcow2' : 'raw')
}

/** Whether the image itself is written to. */
export function writesImage({ file, base, persist, readonly }: DiskConfig): boolean {
  return !readonly && (persist ?? (file === undefined && base === undefined))
}

/** What QEMU passes on of a serial number (VIRTIO_BLK_ID_BYTES; the others take no more either). */
export const SERIAL_LENGTH = 20
