/** The description of an NVDIMM, and what follows from it for QEMU's memory backend. */
import * as z from 'zod'
import { zBytes } from '../../units.ts'
import type { MachineView } from '../device.ts'
import { zDeviceId } from '../device-id.ts'
import type { FileFact, QemuCapabilities } from '../facts.ts'
import { storePath } from './store-path.ts'

export const nvdimmSchema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('nvdimm'),
    id: zDeviceId,
    size: zBytes.describe('What the guest can use. A label area comes on top of it.'),
    backing: z
      .enum(['file', 'ram'])
      .default('file')
      .describe('`file` keeps the content; `ram` forgets it when QEMU ends.'),
    file: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Backing file or DAX device; created when missing. Default: `.bringup/stores/<machine>/<id>.img`.',
      ),
    node: z.int().nonnegative().optional().describe('NUMA node. Default: node 0.'),
    label: zBytes
      .optional()
      .describe(
        'Size of the label area for namespaces, at least 128K. Kept behind the usable bytes, at the end of the file.',
      ),
    share: z
      .boolean()
      .default(true)
      .describe('false: what the guest writes goes to a private copy and is lost when QEMU ends.'),
    shared: z
      .boolean()
      .default(false)
      .describe('true: several machines may have the file open for writing at once.'),
    pmem: z
      .union([z.literal('auto'), z.boolean()])
      .default('auto')
      .describe(
        'Flush to persistent memory with libpmem. `auto`: if the file is on a DAX mount or is a DAX device, and QEMU has libpmem.',
      ),
    readonly: z
      .boolean()
      .default(false)
      .describe('The file is opened read-only, and the NVDIMM is reported as not armed.'),
    unarmed: z
      .boolean()
      .optional()
      .describe(
        'Tell the guest that writes would not survive; Linux then makes it read-only. Default: what `readonly` is.',
      ),
    namespaces: z
      .array(z.enum(['raw', 'sector', 'fsdax', 'devdax']))
      .optional()
      .describe(
        'Modes of the namespaces that a guest must find in it, by number: what earlier boots made. Compared by --verify, never made by bringup.',
      ),
    align: zBytes.optional().describe('Alignment of the mapping in host memory; a DAX device may want 2M.'),
  }),
)

export type NvdimmConfig = z.output<typeof nvdimmSchema>

/** What `-machine` needs for NVDIMMs, those that are plugged later included. */
export function nvdimmOptions({
  nvdimmPersistence,
}: Pick<MachineView, 'nvdimmPersistence'>): Readonly<Record<string, string>> {
  return {
    nvdimm: 'on',
    ...(nvdimmPersistence === undefined ? {} : { 'nvdimm-persistence': nvdimmPersistence }),
  }
}

/** Undefined for an NVDIMM that has no file. */
export function nvdimmFile(
  config: NvdimmConfig,
  machine: Pick<MachineView, 'name' | 'home'>,
): string | undefined {
  if (config.backing === 'ram') return undefined
  return config.file ?? storePath(machine, config.id ?? 'nvdimm0')
}

/**
 * Size of the backing file: the usable bytes and the label area. QEMU cuts the label out of the end of the backend
 * (docs/nvdimm.txt), so a label that is not added would shrink what the guest asked for, and a 16 MiB multiple would
 * become a size that Linux cannot use.
 */
export function backendBytes(config: Pick<NvdimmConfig, 'size' | 'label'>): number {
  return config.size + (config.label ?? 0)
}

/**
 * Bytes that QEMU maps. Of a store that is there, QEMU gives the guest whole multiples of `align`: what is left between
 * those and the labels at its end is not used, and a size that is that multiple maps the whole file.
 */
export function mappedBytes(
  config: Pick<NvdimmConfig, 'size' | 'label' | 'align'>,
  fact: FileFact | undefined,
): number {
  const bytes = backendBytes(config)
  const isAligned = (config.align ?? 0) > 0 && fact?.kind === 'file' && fact.bytes > bytes
  return isAligned && fittingSize(config, fact) === config.size ? fact.bytes : bytes
}

/** The size with which the description takes all of a store: its bytes less the label area, in whole multiples. */
export function fittingSize(
  { label = 0, align = 0 }: Pick<NvdimmConfig, 'label' | 'align'>,
  { bytes }: Pick<FileFact, 'bytes'>,
): number {
  const unit = Math.max(align, 4096)
  return Math.max(0, Math.floor((bytes - label) / unit) * unit)
}

/**
 * Whether the path is persistent memory that can be mapped directly. The kernel's answer about that very file counts; where
 * it was not asked, `always` is a DAX device or a mount where every file is DAX, `perhaps` is `dax=inode`.
 */
export function daxOf(fact: FileFact | undefined): 'always' | 'perhaps' | 'never' {
  if (fact?.mapSync) return fact.mapSync.isGranted ? 'always' : 'never'
  if (fact?.kind === 'character-device') return 'always'
  const options = fact?.mountOptions ?? []
  if (options.includes('dax') || options.includes('dax=always')) return 'always'
  return options.includes('dax=inode') ? 'perhaps' : 'never'
}

/** Whether `pmem=on` goes to QEMU. */
export function usesPmem(
  config: NvdimmConfig,
  fact: FileFact | undefined,
  qemu: QemuCapabilities | undefined,
): boolean {
  if (config.backing === 'ram') return false
  if (config.pmem !== 'auto') return config.pmem
  return daxOf(fact) === 'always' && qemu?.hasLibpmem === true && !config.readonly && config.share
}
