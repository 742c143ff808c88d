/** PCI functions, shared memory, disks, network cards and ports, as the drivers of Linux serve them. */
import type { GuestDisk, GuestIvshmem, GuestPciFunction, HardwareView } from '../../../machine/guest-view.ts'
import { matching, type Printed } from './view-files.ts'

/**
 * A path ends at the colon behind its last slash, so the text behind it has none.
 * A disk's serial number is its own file (virtio), its controller's (NVMe), or in a page of SCSI data (SATA, IDE).
 */
export const DEVICE_SCRIPT = `
grep -s '' /sys/bus/pci/devices/*/vendor /sys/bus/pci/devices/*/device /sys/bus/pci/devices/*/class /dev/null
for device in $(grep -ls 0x1110 /sys/bus/pci/devices/*/device); do
  grep -s '' \${device%device}resource /dev/null
  echo "\${device%device}config:$(base64 \${device%device}config | tr -d '\\n' | tr / _)"
done
grep -s '' /sys/class/tty/ttyS*/type /sys/class/virtio-ports/*/name /sys/class/net/*/address /sys/class/net/*/carrier /dev/null
for queue in /sys/class/net/*/queues/rx-*; do echo "$queue:"; done
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

/** Memory shared between guests, which no driver of Linux takes: its BAR 2, and the MSI-X table that its configuration names. */
export function ivshmemsOf(printed: Printed, addresses: readonly string[]): readonly GuestIvshmem[] {
  return addresses.flatMap((address) => {
    const folder = [`/sys/bus/pci/devices/0000:${address}`, `/sys/bus/pci/devices/${address}`]
    const bars = printed.lines.filter(([path]) => folder.some((f) => path === `${f}/resource`))
    const [start, end] = (bars[2]?.[1] ?? '').split(' ').map(Number)
    if (!start || !end || end < start) return []
    const config = folder.map((f) => printed.files.get(`${f}/config`)).find((text) => text !== undefined)
    const vectors = config === undefined ? undefined : msixVectors(Buffer.from(config, 'base64'))
    return [{ address, bytes: end - start + 1, ...(vectors === undefined ? {} : { vectors }) }]
  })
}

const MSIX = 0x11

/** Entries of the MSI-X table by the list of capabilities (PCI Local Bus Specification 3.0, 6.7 and 6.8.2). */
function msixVectors(config: Buffer): number | undefined {
  // Without rights, Linux shows the first 64 bytes.
  if (config.length < 256) return undefined
  let at = config.readUInt8(0x34) & 0xfc
  for (let guard = 0; at !== 0 && guard < 48; guard++) {
    if (config.readUInt8(at) === MSIX) return (config.readUInt16LE(at + 2) & 0x7ff) + 1
    at = config.readUInt8(at + 1) & 0xfc
  }
  return 0
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
  const queued = matching(printed, /^\/sys\/class\/net\/([^/]+)\/queues\/rx-\d+$/).map(
    ({ groups }) => groups[0],
  )
  return matching(printed, /^\/sys\/class\/net\/([^/]+)\/address$/).flatMap(
    ({ groups: [name = ''], text }) => {
      if (name === 'lo') return []
      // A card that is negotiating its link has no carrier yet, and one that is down reports none.
      const link = printed.files.get(`/sys/class/net/${name}/carrier`) === '1' ? { link: true } : {}
      const queues = queued.filter((owner) => owner === name).length
      return [{ name, mac: text.toLowerCase(), ...link, ...(queues > 0 ? { queues } : {}) }]
    },
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
