/** Disks, CDs and floppies of a libvirt domain as words of a QEMU command. Pure. */
import { attribute, child, type Element, text } from './elements.ts'
import { keys } from './words.ts'

export function diskWords(element: Element, n: number): readonly string[] | undefined {
  const source = child(element, 'source')
  const [kind, target] = [attribute(element, 'device') ?? 'disk', child(element, 'target')]
  const file = attribute(source, 'file') ?? attribute(source, 'dev')
  const name = attribute(target, 'dev') ?? ''
  const bus =
    attribute(target, 'bus') ??
    (name.startsWith('vd')
      ? 'virtio'
      : name.startsWith('fd')
        ? 'fdc'
        : name.startsWith('sd')
          ? 'scsi'
          : 'ide')
  if (file === undefined) return kind === 'cdrom' || kind === 'floppy' ? [] : undefined
  const format = attribute(child(element, 'driver'), 'type')
  const readonly = child(element, 'readonly') !== undefined && kind !== 'cdrom' ? 'on' : undefined
  const id = `drive${n}`
  if (kind === 'floppy' || bus === 'fdc')
    return ['-drive', keys('', { if: 'floppy', format: 'raw', file, index: `${n % 2}` })]
  const drivers = DRIVERS[bus]
  if (drivers === undefined || (format !== undefined && format !== 'raw' && format !== 'qcow2'))
    return undefined
  const order = attribute(child(element, 'boot'), 'order')
  const isCdrom = kind === 'cdrom'
  const controller =
    bus === 'scsi'
      ? ['-device', `virtio-scsi-pci,id=scsi-of-${id}`]
      : bus === 'usb'
        ? ['-device', `qemu-xhci,id=usb-of-${id}`]
        : []
  return [
    '-drive',
    keys('', {
      if: 'none',
      id,
      format: format ?? 'raw',
      file,
      media: isCdrom ? 'cdrom' : undefined,
      readonly,
    }),
    ...controller,
    '-device',
    keys(isCdrom ? drivers.cdrom : drivers.disk, {
      drive: id,
      bus: controller.length === 0 ? undefined : `${bus}-of-${id}.0`,
      serial: text(child(element, 'serial')),
      bootindex: order === undefined ? undefined : `${Number(order) - 1}`,
    }),
  ]
}

const DRIVERS: Readonly<Record<string, { readonly disk: string; readonly cdrom: string }>> = {
  virtio: { disk: 'virtio-blk-pci', cdrom: 'virtio-blk-pci' },
  ide: { disk: 'ide-hd', cdrom: 'ide-cd' },
  sata: { disk: 'ide-hd', cdrom: 'ide-cd' },
  scsi: { disk: 'scsi-hd', cdrom: 'scsi-cd' },
  usb: { disk: 'usb-storage', cdrom: 'usb-storage' },
  nvme: { disk: 'nvme', cdrom: 'ide-cd' },
}
