/** What a guest's driver must make of a disk, which it tells from others by its serial number. */
import { formatBytes } from '../../units.ts'
import type { Expectation, MachineView, NotCompared } from '../device.ts'
import type { Facts } from '../facts.ts'
import type { GuestDisk } from '../guest-view.ts'
import { type DiskConfig, diskFile, formatOf, SERIAL_LENGTH } from './disk-schema.ts'

const SECTOR = 512

export function diskExpectations(
  config: DiskConfig,
  machine: MachineView,
  facts: Facts,
): readonly Expectation[] {
  const { id = 'disk0', serial = id, readonly, bus } = config
  const wanted = serial.slice(0, SERIAL_LENGTH)
  const expect = (aspect: string, want: string, show: (disk: GuestDisk) => string): Expectation => ({
    device: `disk ${id}`,
    aspect,
    want,
    see: ({ disks }) => {
      if (!disks) return undefined
      const disk = disks.find((d) => d.serial === wanted)
      return disk ? show(disk) : null
    },
  })
  if (bus === 'scsi' || bus === 'usb') return []
  const bytes = bytesOf(config, machine, facts)
  return [
    expect('serial', wanted, (disk) => disk.serial),
    ...(bytes === undefined ? [] : [expect('size', formatBytes(bytes), (disk) => formatBytes(disk.bytes))]),
    // Seen with QEMU 7.2 and Linux 6.1: `ro` of a read-only NVMe namespace is 0, and its writes fail (sct 0x2, sc 0x80).
    ...(bus === 'nvme'
      ? []
      : [
          expect('access', readonly ? 'read-only' : 'read-write', (disk) =>
            disk.isReadOnly ? 'read-only' : 'read-write',
          ),
        ]),
  ]
}

export function diskNotCompared(
  config: DiskConfig,
  machine: MachineView,
  facts: Facts,
): readonly NotCompared[] {
  const device = `disk ${config.id ?? 'disk0'}`
  if (config.bus === 'scsi' || config.bus === 'usb')
    return [
      { device, aspect: 'everything but its controller', because: 'no guest reports disks on that bus' },
    ]
  const because =
    formatOf(config) === 'raw'
      ? 'the size of the image is not known before the run'
      : 'bringup does not read the size inside a qcow2 image'
  return [
    { device, aspect: 'content', because: 'the comparison reads no disk' },
    ...(bytesOf(config, machine, facts) === undefined ? [{ device, aspect: 'size', because }] : []),
  ]
}

/** What the guest sees of the image: whole sectors. Undefined where only QEMU knows. */
function bytesOf(config: DiskConfig, machine: MachineView, { files }: Facts): number | undefined {
  if (formatOf(config) !== 'raw') return undefined
  const fact = files.get(diskFile(config, machine))
  const isMade = !fact || fact.kind === 'missing'
  const base = config.base === undefined ? undefined : files.get(config.base)?.bytes
  const bytes = isMade ? (base ?? config.size) : fact.kind === 'file' ? fact.bytes : undefined
  return bytes === undefined || bytes === 0 ? undefined : Math.ceil(bytes / SECTOR) * SECTOR
}
