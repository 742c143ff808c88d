/** IDE ports, given out as QEMU does it: first to -hda, -cdrom and -drive, then to -device in the order of the command line. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { Argument, MachineView } from './device.ts'
import { type QemuOption, readArgument, readQemuArgs } from './qemu-args.ts'

export const problems = defineDiagnostics({
  IDE_PORT_TAKEN: {
    title: 'Two drives have the same IDE port.',
    why: 'a q35 has one drive on each of its ports ide.0 to ide.5, a pc two on ide.0 and two on ide.1; -cdrom is drive 2, and a -device without `bus` goes to the last bus',
    remedy: 'name a free port: bus=ide.4 on q35, bus=ide.1,unit=1 on pc',
    source:
      'QEMU: "Can\'t create IDE unit 1, bus supports only 1 units", "IDE unit 0 is in use", "drive with bus=1, unit=0 (index=2) exists"',
    qemu: 'refuses',
  },
  IDE_PORT_MISSING: {
    title: 'A drive on an IDE port that the machine does not have.',
    why: 'a q35 has 6 ports with one drive each, a pc 2 with two each',
    remedy: 'use another port, or if=virtio',
    source: 'QEMU: "Bus \'ide.7\' not found", "machine type does not support if=ide,bus=2,unit=0"',
    qemu: 'refuses',
  },
})

interface Shape {
  readonly buses: number
  readonly units: number
}

const SHAPES: Readonly<Record<string, Shape>> = { q35: { buses: 6, units: 1 }, pc: { buses: 2, units: 2 } }
const DEVICES = ['ide-hd', 'ide-cd', 'ide-cf']
/** Options that are drives with a number. */
const INDEXED: Readonly<Record<string, number>> = { hda: 0, hdb: 1, hdc: 2, hdd: 3, cdrom: 2 }

interface Wish {
  readonly what: string
  readonly path: string
  /** bus × units + unit; undefined for any. */
  readonly port: number | undefined
  readonly isDevice: boolean
}

/** What the user's own drives collide with. Described disks among themselves are checked by the disk. */
export function checkIdePorts(view: MachineView, described: readonly Argument[]): readonly Diagnostic[] {
  const shape = Object.hasOwn(SHAPES, view.type) ? SHAPES[view.type] : undefined
  const own = readQemuArgs(view.qemuArgs)
  // Another controller has buses of its own, with names that the user gives.
  if (!shape || own.some((o) => o.name === 'device' && /ahci|piix.-ide/.test(o.head ?? ''))) return []
  const drives = own.flatMap((o) => wishOfDrive(o, shape) ?? [])
  const devices = [
    ...described.flatMap((argument, i) => wishOfDevice(readArgument(argument, i), shape, '') ?? []),
    ...own.flatMap((o) => wishOfDevice(o, shape, `qemuArgs[${o.index + 1}]`) ?? []),
  ]
  return giveOut([...drives, ...devices], shape)
}

const number = (text: string | undefined) => (text === undefined ? undefined : Number(text))

function wishOfDrive({ name, value, index, keys }: QemuOption, { units }: Shape): Wish | undefined {
  const what = `-${name} ${value ?? ''}`.trim()
  const path = `qemuArgs[${index + (name === 'hda' && value !== undefined && keys.size === 0 ? 0 : 1)}]`
  if (Object.hasOwn(INDEXED, name)) return { what, path, port: INDEXED[name], isDevice: false }
  if (name !== 'drive' || (keys.get('if') ?? 'ide') !== 'ide') return undefined
  const bus = number(keys.get('bus'))
  const unit = number(keys.get('unit')) ?? 0
  const port = number(keys.get('index')) ?? (bus === undefined ? undefined : bus * units + unit)
  return { what, path, port, isDevice: false }
}

function wishOfDevice({ name, value, head, keys }: QemuOption, { buses, units }: Shape, path: string) {
  if (name !== 'device' || !DEVICES.includes(head ?? '')) return undefined
  const wish = { what: keys.get('id') ?? `-device ${value}`, path, isDevice: true }
  const bus = keys.get('bus')
  const n = number(/^ide\.(\d+)$/.exec(bus ?? '')?.[1])
  if (bus !== undefined && n === undefined) return undefined
  // QEMU looks at the last bus first, and takes it while it has fewer than two drives.
  if (n === undefined) return { ...wish, port: units === 1 ? buses - 1 : undefined }
  const unit = number(keys.get('unit'))
  if (unit === undefined && units > 1) return undefined
  return { ...wish, port: n * units + (unit ?? 0) }
}

function giveOut(wishes: readonly Wish[], { buses, units }: Shape): readonly Diagnostic[] {
  const taken = new Map<number, string>()
  const count = buses * units
  const ports = Array.from({ length: count }, (_, i) => i)
  return wishes.flatMap((wish) => {
    const order = wish.isDevice ? ports.toReversed() : ports
    const port = wish.port ?? order.find((p) => !taken.has(p)) ?? count
    if (port >= count)
      return wish.path === ''
        ? []
        : [problems.IDE_PORT_MISSING.at(wish.path, `${wish.what}: no such port is left`)]
    const rival = taken.get(port)
    taken.set(port, wish.what)
    const place = units === 1 ? `ide.${port}` : `ide.${Math.floor(port / units)}, unit ${port % units},`
    return rival === undefined
      ? []
      : [problems.IDE_PORT_TAKEN.at(wish.path, `${wish.what}: ${place} has ${rival}`)]
  })
}
