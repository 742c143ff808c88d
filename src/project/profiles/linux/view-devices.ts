/** PCI functions, disks, network cards and ports, as the drivers of Linux serve them. */
import type { GuestDisk, GuestPciFunction, HardwareView } from '../../../machine/guest-view.ts'
import { matching, type Printed } from './view-files.ts'

/** A disk's serial number is its own file (virtio), its controller's (NVMe), or in a page of SCSI data (SATA, IDE). */
export const DEVICE_SCRIPT = `
grep -s '' /sys/bus/pci/devices/*/vendor /sys/bus/pci/devices/*/device /sys/bus/pci/devices/*/class /dev/null
grep -s '' /sys/class/tty/ttyS*/type /sys/class/virtio-ports/*/name /sys/class/net/*/address /dev/null
grep -s '' /sys/block/*/size /sys/block/*/ro /sys/block/*/serial /sys/block/*/device/serial /dev/null
for page in /sys/block/*/device/vpd_pg80; do
  [ -e $page ] && echo "$page:$(tail -c +5 $page | tr -d '\\0\\n')"
done
[ -e /sys/firmware/efi ] && echo /sys/firmware/efi:`

export function pciOf({ files }: Printed): readonly GuestPciFunction[] {
  return [...files].flatMap(([path, vendor]) => {
    const [, folder, address] = /^(\/sys\/bus\/pci\/devices\/(?:0000:)?(.+))\/vendor$/.exec(path) ?? []
    if (folder === undefined || address === undefined) return []
    const hex = (text: string | undefined, digits: number) => (text ?? '').replace(/^0x/, '').slice(0, digits)
    return [
      {
        address,
        vendor: hex(vendor, 4),
        device: hex(files.get(`${folder}/device`), 4),
        class: hex(files.get(`${folder}/class`), 4),
      },
    ]
  })
}

/** Linux makes entries for ports that are not there, of type 0 (PORT_UNKNOWN). */
export function serialPortsOf(printed: Printed): readonly number[] {
  return matching(printed, /^\/sys\/class\/tty\/ttyS(\d+)\/type$/)
    .flatMap(({ groups: [port], text }) => (text === '0' ? [] : [Number(port)]))
    .toSorted((a, b) => a - b)
}

export function portsOf(printed: Printed): readonly string[] {
  return matching(printed, /^\/sys\/class\/virtio-ports\/[^/]+\/name$/).map(({ text }) => text)
}

export function nicsOf(printed: Printed): NonNullable<HardwareView['nics']> {
  return matching(printed, /^\/sys\/class\/net\/([^/]+)\/address$/).flatMap(
    ({ groups: [name = ''], text }) => (name === 'lo' ? [] : [{ name, mac: text.toLowerCase() }]),
  )
}

/** Sizes are in units of 512 bytes, whatever the sectors of the disk. */
export function disksOf(printed: Printed): readonly GuestDisk[] {
  const { files } = printed
  return matching(printed, /^\/sys\/block\/([^/]+)\/size$/).flatMap(({ groups: [name = ''], text }) => {
    const folder = `/sys/block/${name}`
    const serial =
      files.get(`${folder}/serial`) ??
      files.get(`${folder}/device/serial`) ??
      files.get(`${folder}/device/vpd_pg80`)
    if (serial === undefined) return []
    return [
      {
        name,
        serial: serial.trim(),
        bytes: Number(text) * 512,
        isReadOnly: files.get(`${folder}/ro`) === '1',
      },
    ]
  })
}
