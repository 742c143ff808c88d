/**
 * Places on the root PCI bus, given out as QEMU does it: a device with `addr` gets what it names, each other one the first
 * slot whose function 0 is free. Devices behind bridges have their bridge's bus.
 */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { Argument, MachineView } from './device.ts'
import type { Facts, QemuCapabilities } from './facts.ts'
import { devicesInOrder, isInJson, type QemuOption, readArgument, readQemuArgs } from './qemu-args.ts'

export const problems = defineDiagnostics({
  PCI_SLOTS_FULL: {
    title: 'The machine has more PCI devices than its root bus has slots.',
    why: 'the bus has 32 slots, of which the machine’s own devices take two',
    remedy: 'remove devices; for disks there are also the IDE ports (bus "ide": 6 on q35, 4 on pc)',
    source: 'QEMU: "PCI: no slot/function available for …, all in use or reserved"',
    qemu: 'refuses',
  },
  PCI_ADDRESS_TAKEN: {
    title: 'Two devices have the same PCI address.',
    why: 'an address names one function of one device; devices without `addr` get the first free slots',
    remedy: 'name another slot, or omit `addr`',
    source: 'QEMU: "PCI: slot … function … not available for …, in use by …"',
    qemu: 'refuses',
  },
  PCI_EXPANDER_NOT_A_BRIDGE: {
    title: 'A PCI device without `bus` would be put on an expander bridge.',
    why: 'QEMU puts a device without `bus` on the newest host bridge, and an expander takes bridges only; devices in JSON are made after all others',
    remedy: 'name the bus, such as bus=pcie.0, or "bus":"pcie.0" in JSON',
    source: 'QEMU: "PCI: Only PCI/PCIe bridges can be plugged into pxb-cxl"',
    qemu: 'refuses',
  },
})

const SLOTS = 32
const FUNCTIONS = 8

interface Root {
  readonly buses: readonly string[]
  /** Functions of the machine's own devices: slot × 8 + function. */
  readonly taken: readonly number[]
}

const at = (slot: number, fn = 0) => slot * FUNCTIONS + fn

/** With -nodefaults, as `query-pci` shows it. */
const ROOTS: Readonly<Record<string, Root>> = {
  q35: { buses: ['pcie.0'], taken: [at(0), at(31), at(31, 2), at(31, 3)] },
  pc: { buses: ['pci.0'], taken: [at(0), at(1), at(1, 1), at(1, 3)] },
}

/** Where `-usb` puts its controllers. */
const USB: Readonly<Record<string, readonly number[]>> = {
  q35: [at(29), at(29, 1), at(29, 2), at(29, 7)],
  pc: [at(1, 2)],
}

/** An AMD IOMMU is no PCI device, and brings one along. */
const BRINGS_ONE = 'amd-iommu'
const ALIASES: Readonly<Record<string, string>> = { ahci: 'ich9-ahci', lsi: 'lsi53c895a' }

/** One that wants a place. */
interface Wish {
  readonly name: string
  readonly path: string
  /** Undefined: any slot. */
  readonly place: number | undefined
}

/** All problems of the places; nothing where QEMU was not asked which of its devices are PCI devices. */
export function checkPciSlots(
  view: MachineView,
  described: readonly Argument[],
  facts: Facts,
): readonly Diagnostic[] {
  const root = Object.hasOwn(ROOTS, view.type) ? ROOTS[view.type] : undefined
  const { qemu } = facts
  if (!root || !qemu || qemu.pciTypes.length === 0) return []
  const own = readQemuArgs(view.qemuArgs)
  const taken = new Map<number, string>(root.taken.map((place) => [place, 'the machine itself']))
  if (own.some((o) => o.name === 'usb')) for (const place of USB[view.type] ?? []) taken.set(place, '-usb')
  const wishes = [
    ...own.flatMap((o) => (isCardOrDrive(o) ? [wishOf(o, `qemuArgs[${o.index + 1}]`)] : [])),
    ...described.flatMap((argument, index) =>
      wishesOf(readArgument(argument, index), { root, qemu, pathOf: (id) => pathOf(view, id) }),
    ),
    ...devicesInOrder(own).flatMap((o) =>
      wishesOf(o, { root, qemu, pathOf: () => `qemuArgs[${o.index + 1}]` }),
    ),
  ]
  return [...checkExpanders(own, described, qemu), ...place(wishes, taken)]
}

/** The last slot that neither the machine itself nor the user's own arguments have; others without `addr` are given the first. */
export function lastFreeSlot(
  { type, qemuArgs }: Pick<MachineView, 'type' | 'qemuArgs'>,
  skip: number,
): number {
  const root = ROOTS[type]
  const own = readQemuArgs(qemuArgs)
  const places = [
    ...(root?.taken ?? []),
    ...(own.some((o) => o.name === 'usb') ? (USB[type] ?? []) : []),
    ...own.flatMap((o) => (o.name === 'device' ? (placeOf(o.keys.get('addr')) ?? []) : [])),
  ]
  const taken = new Set(places.map((place) => Math.floor(place / FUNCTIONS)))
  const free = Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => !taken.has(slot))
  return free.at(-1 - skip) ?? SLOTS - 1
}

const EXPANDERS = ['pxb', 'pxb-pcie', 'pxb-cxl']
const BRIDGE = /bridge|root-port|-rp$|ioh3420|x3130|xio3130|switch|pxb/

/** Devices of the user's own that come after an expander bridge, and name no bus. */
function checkExpanders(
  own: readonly QemuOption[],
  described: readonly Argument[],
  qemu: QemuCapabilities,
): readonly Diagnostic[] {
  const isExpander = ({ name, head = '' }: QemuOption) => name === 'device' && EXPANDERS.includes(head)
  const ofMachine = described.some((argument, index) => isExpander(readArgument(argument, index)))
  const devices = devicesInOrder(own)
  return devices.flatMap((option, position) => {
    const { head = '', keys, index } = option
    // Expanders of the machine are made after all of the user's devices but those in JSON.
    const isBehind = devices.slice(0, position).some(isExpander) || (ofMachine && isInJson(option))
    const isPci = [head, `${head}-pci`].some((type) => qemu.pciTypes.includes(type))
    if (!isBehind || !isPci || keys.has('bus') || BRIDGE.test(head)) return []
    const what = `${keys.get('id') ?? head} has no bus, and an expander bridge is made before it`
    return [problems.PCI_EXPANDER_NOT_A_BRIDGE.at(`qemuArgs[${index + 1}]`, what)]
  })
}

const pathOf = (view: MachineView, id: string) => view.devices.find((d) => d.id === id)?.path ?? ''

/** `-nic`, `-net nic` and `-drive if=virtio` make devices of their own, before those of -device. */
function isCardOrDrive({ name, head, keys }: QemuOption): boolean {
  if (name === 'drive') return keys.get('if') === 'virtio'
  const isCard = (name === 'nic' && head !== 'none') || (name === 'net' && head === 'nic')
  return isCard && !(keys.get('model') ?? '').includes('isa')
}

interface Reading {
  readonly root: Root
  readonly qemu: QemuCapabilities
  readonly pathOf: (id: string) => string
}

function wishesOf(option: QemuOption, { root, qemu, pathOf }: Reading): readonly Wish[] {
  const { name, head = '', keys } = option
  const bus = keys.get('bus')
  if (name !== 'device' || (bus !== undefined && !root.buses.includes(bus))) return []
  const isPci = [head, `${head}-pci`, ALIASES[head] ?? ''].some((type) => qemu.pciTypes.includes(type))
  return isPci || head === BRINGS_ONE ? [wishOf(option, pathOf(keys.get('id') ?? ''))] : []
}

function wishOf({ name, head, keys }: QemuOption, path: string): Wish {
  const id = keys.get('id')
  return { name: id ?? `-${name} ${head ?? ''}`.trim(), path, place: placeOf(keys.get('addr')) }
}

/** `5`, `05.1`, `0x1f.0x4`: hexadecimal in any case. */
function placeOf(addr: string | undefined): number | undefined {
  const [, slot, fn = '0'] = /^(?:0x)?([0-9a-f]+)(?:\.(?:0x)?([0-7]))?$/i.exec(addr ?? '') ?? []
  return slot === undefined ? undefined : at(Number.parseInt(slot, 16), Number(fn))
}

function place(wishes: readonly Wish[], taken: Map<number, string>): readonly Diagnostic[] {
  const found: Diagnostic[] = []
  const left: Wish[] = []
  for (const wish of wishes) {
    const free = Array.from({ length: SLOTS }, (_, slot) => at(slot)).find((p) => !taken.has(p))
    const rival = wish.place === undefined ? undefined : taken.get(wish.place)
    const place = wish.place ?? free
    if (rival !== undefined)
      found.push(problems.PCI_ADDRESS_TAKEN.at(wish.path, `${wish.name}: ${rival} has that PCI address`))
    else if (place === undefined) left.push(wish)
    else taken.set(place, wish.name)
  }
  const [first] = left
  if (!first) return found
  const what = `${wishes.length} PCI devices, and slots for ${wishes.length - left.length}: none is left for ${left.map((w) => w.name).join(', ')}`
  return [...found, problems.PCI_SLOTS_FULL.at(first.path, what)]
}
