/** Arguments for QEMU of the user's own, held against those that the description becomes. */

import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { Argument, Channel } from './device.ts'
import { vgaCards } from './devices/display.ts'
import type { MachineConfig } from './machine-schema.ts'
import { partsOf } from './parts.ts'
import { isBrokenJson, type QemuOption, readArgument, readQemuArgs } from './qemu-args.ts'

export const problems = defineDiagnostics({
  QEMU_ARG_QBOOT_HANGS: {
    title: 'A device with which qboot hangs.',
    why: 'qboot does not get past its ACPI table, and the kernel never starts',
    remedy: 'set boot.rom to "seabios", or omit it',
    source: 'seen with QEMU 7.2',
    qemu: 'misbehaves',
  },
  QEMU_ARG_CONFLICT: {
    title: 'An argument for QEMU sets what bringup sets from the description.',
    why: 'the last value would win silently, and the machine would differ from the checked one',
    remedy: 'set it in the description instead',
    qemu: 'misbehaves',
  },
  QEMU_ARG_ID_TWICE: {
    title: 'An argument for QEMU uses an id that the machine already has.',
    why: 'an id names exactly one object',
    remedy: 'choose another id',
    source: 'QEMU: "Duplicate ID \'…\'"',
    qemu: 'refuses',
  },
  QEMU_ARG_BOOTINDEX_TWICE: {
    title: 'Two devices have the same boot index.',
    why: 'the index is the order in which firmware tries them; a kernel that QEMU loads itself has index 0',
    remedy: 'number them differently',
    source: 'QEMU: "The bootindex 0 has already been used"',
    qemu: 'refuses',
  },
  QEMU_ARG_VALUE_MISSING: {
    title: 'An option of QEMU has no value.',
    why: 'the option takes a value, which is the next word',
    remedy: 'give the value as a word of its own: --qemu-arg -device --qemu-arg vmgenid',
    source: 'QEMU: "requires an argument"',
    qemu: 'refuses',
  },
  QEMU_ARG_JSON: {
    title: 'An argument for QEMU is not the JSON that it begins as.',
    why: 'a value that begins with { is JSON to QEMU: keys and texts in quotes, no comma at the end, no key twice',
    remedy: 'correct it, such as {"driver":"vmgenid"}, or write it as vmgenid,key=value',
    source: 'QEMU: "JSON parse error"',
    qemu: 'refuses',
  },
  QEMU_ARG_STDIO: {
    title: 'An argument for QEMU takes standard input and output.',
    why: 'they carry the guest’s console',
    remedy: 'use a socket or a file: unix:/tmp/qemu.sock,server=on,wait=off',
    source: 'QEMU: "cannot use stdio by multiple character devices"',
    qemu: 'refuses',
  },
  QEMU_ARG_LOG_NAME: {
    title: 'The file of QEMU’s log has a % in its name.',
    why: 'QEMU takes the name for a template: %d becomes its process number, any other % is refused; bringup reads resets of the guest from that file',
    remedy: 'use a name without %',
    source: 'QEMU: "Bad logfile template"',
    qemu: 'misbehaves',
  },
  QEMU_ARG_VGA_TWICE: {
    title: 'Two graphics cards for VGA.',
    why: 'both answer at the same ports: QEMU gives these to the last one, and the BIOS starts the first; a kernel may draw on neither',
    remedy: 'let one card be of another kind, such as secondary-vga, bochs-display or virtio-gpu-pci',
    source: 'seen with QEMU 7.2: two of one model show text on the second, two of different models none',
    severity: 'warning',
    qemu: 'misbehaves',
  },
  QEMU_SNAPSHOT_DISCARDS: {
    title: '-snapshot with a disk whose content is to be kept.',
    why: 'QEMU silently discards writes to all disks of -drive',
    remedy: 'remove -snapshot: writes to disks without `persist: true` are discarded anyway',
    source: 'qemu(1), -snapshot',
    qemu: 'misbehaves',
  },
  QEMU_ARG_ICOUNT_KVM: {
    title: '-icount with KVM.',
    why: 'only TCG counts the instructions of a guest',
    remedy: 'set accel to "tcg" (--accel tcg)',
    source: 'QEMU: "-icount is not allowed with hardware virtualization"',
    qemu: 'refuses',
  },
})

const NOTHING = 'nothing:'
const RUNS_SUPERVISED = 'nothing: QEMU runs as this user and ends with bringup'
const STARTS_AT_RESET = 'nothing: bringup starts every machine from reset'

/** Options that bringup sets itself, and what to say instead. */
const OWN: Readonly<Record<string, string>> = {
  m: 'memory',
  smp: 'cpu',
  cpu: 'cpu.model',
  M: 'type',
  machine: 'type',
  accel: 'accel',
  'enable-kvm': 'accel',
  kernel: 'boot.kernel',
  initrd: 'boot.initrd',
  append: 'boot.append',
  bios: 'boot.rom',
  pflash: 'boot.code',
  numa: 'numa',
  'mem-path': 'memory.path',
  'mem-prealloc': 'memory.prealloc',
  serial: 'console, or a device of kind "serial"',
  monitor: 'nothing: bringup speaks QMP with QEMU',
  mon: 'nothing: bringup speaks QMP with QEMU',
  nographic: 'console',
  curses: 'console',
  display: 'nothing: no window is opened; `bringup screen` shows what a guest draws',
  nodefaults: 'nothing: it is always set',
  'no-user-config': 'nothing: it is always set',
  preconfig: 'nothing: bringup starts every machine paused',
  daemonize: 'nothing: the machine ends with bringup',
  'no-shutdown': 'nothing: bringup decides how a run ends',
  'no-reboot': 'nothing: bringup decides how a run ends',
  runas: RUNS_SUPERVISED,
  chroot: RUNS_SUPERVISED,
  'run-with': RUNS_SUPERVISED,
  incoming: STARTS_AT_RESET,
  loadvm: STARTS_AT_RESET,
  readconfig: 'nothing: what a file adds to the machine is not checked; give its options one by one',
  writeconfig: 'nothing: `bringup plan` shows the whole command line',
  h: 'nothing: QEMU would end before the guest starts',
  help: 'nothing: QEMU would end before the guest starts',
  version: 'nothing: QEMU would end before the guest starts',
}

/** Options of which a part only is bringup's. */
const PARTLY: Readonly<Record<string, (option: QemuOption) => string | undefined>> = {
  name: ({ head, keys }) =>
    keys.has('') || keys.has('guest')
      ? `nothing: the guest is called after the machine (${head})`
      : undefined,
  action: ({ keys }) =>
    keys.has('reboot') || keys.has('shutdown') ? 'nothing: bringup decides how a run ends' : undefined,
}

/** Options whose value may put a character device on standard input and output. */
const STDIO = ['qmp', 'qmp-pretty', 'gdb', 'chardev', 'parallel', 'debugcon', 'virtioconsole']

/** Ids are unique within one of these groups of options. */
const GROUPS: Readonly<Record<string, string>> = {
  device: 'device',
  object: 'object',
  drive: 'drive',
  blockdev: 'drive',
  netdev: 'netdev',
  chardev: 'chardev',
  fsdev: 'fsdev',
  tpmdev: 'tpmdev',
  audiodev: 'audiodev',
}

/** Character devices of bringup's own, which the machine's arguments do not show. */
const RESERVED = ['bringup-keeper', 'bringup-qmp']

const idOf = ({ keys }: QemuOption) => keys.get('id') ?? keys.get('node-name')

/** What the description becomes, without the user's own arguments. */
interface Described {
  readonly args: readonly Argument[]
  readonly channels: readonly Channel[]
}

/** All problems of the user's own arguments. */
export function checkQemuArgs(machine: MachineConfig, described: Described): readonly Diagnostic[] {
  const own = readQemuArgs(machine.qemuArgs)
  const theirs = described.args.map(readArgument)
  return [
    ...own.flatMap(checkOption),
    ...checkIds(own, theirs, described.channels),
    ...checkBootIndexes(own, theirs),
    ...checkKernelFirst(machine),
    ...checkSnapshot(machine, own),
    ...checkQboot(machine, own),
    ...checkCards(machine.qemuArgs),
    ...own.flatMap(({ name, index }) =>
      name === 'icount' && machine.accel === 'kvm'
        ? [problems.QEMU_ARG_ICOUNT_KVM.at(at(index), '-icount, and accel is "kvm"')]
        : [],
    ),
  ]
}

/** Seen with QEMU 7.2: the loader of ACPI tables in qboot does not end with the VMGENID's table. */
function checkQboot({ boot }: MachineConfig, own: readonly QemuOption[]): readonly Diagnostic[] {
  const option =
    boot.rom === 'qboot' ? own.find((o) => o.name === 'device' && o.head === 'vmgenid') : undefined
  return option
    ? [problems.QEMU_ARG_QBOOT_HANGS.at(at(option.index), 'vmgenid, and boot.rom is "qboot"')]
    : []
}

function checkCards(qemuArgs: readonly string[]): readonly Diagnostic[] {
  const [first, second] = vgaCards(qemuArgs)
  if (!first || !second) return []
  const words = (option: QemuOption) => `-${option.name} ${option.value}`
  return [problems.QEMU_ARG_VGA_TWICE.at(at(second.index), `${words(first)} and ${words(second)}`)]
}

const at = (index: number) => `qemuArgs[${index}]`

/** What sets the option instead; undefined for one that is the user's. */
function ownWord(option: QemuOption): string | undefined {
  const { name } = option
  const said = Object.hasOwn(OWN, name) ? OWN[name] : undefined
  return said ?? (Object.hasOwn(PARTLY, name) ? PARTLY[name]?.(option) : undefined)
}

/** Why bringup does not take an option as it is; undefined where it does. */
export function whyOwn(option: QemuOption): string | undefined {
  const own = ownWord(option)
  if (own === undefined) return undefined
  return own.startsWith(NOTHING) ? own.slice(NOTHING.length + 1) : `the description says it by \`${own}\``
}

/** Options that are often written without a value, and take none there. */
function checkOption(option: QemuOption): readonly Diagnostic[] {
  const { name, value, index } = option
  const own = ownWord(option)
  if (own !== undefined) {
    const remedy = own.startsWith(NOTHING)
      ? `omit it (${own.slice(NOTHING.length + 1)})`
      : `use \`${own}\` of the description`
    return [problems.QEMU_ARG_CONFLICT.at(at(index), `-${name} is set by bringup`, { remedy })]
  }
  if (name === 'D' && value?.includes('%'))
    return [problems.QEMU_ARG_LOG_NAME.at(at(index + 1), `-D ${value}`)]
  if (name === 'hda' && value?.startsWith('{')) {
    const remedy = `put the option in front of it: --qemu-arg -device --qemu-arg '${value}'`
    return [
      problems.QEMU_ARG_JSON.at(at(index), `${value} stands alone, as the name of a disk image`, { remedy }),
    ]
  }
  if (isBrokenJson(option)) return [problems.QEMU_ARG_JSON.at(at(index + 1), `-${name} ${value}`)]
  if (value === undefined && TAKES_VALUE.has(name))
    return [problems.QEMU_ARG_VALUE_MISSING.at(at(index), `-${name} is the last word`)]
  const takesStdio = STDIO.includes(name) && (option.head === 'stdio' || /^mon:stdio/.test(value ?? ''))
  return takesStdio ? [problems.QEMU_ARG_STDIO.at(at(index), `-${name} ${value}`)] : []
}

/** Options of which QEMU 7.2 says "requires an argument"; without one, the last of them would take bringup's own `-d`. */
const TAKES_VALUE = new Set([
  ...Object.keys(GROUPS),
  ...`accel acpitable action add-fd append audio audiodev bios blockdev boot cdrom chardev chroot compat cpu D d debugcon
  device dfilter display drive dtb dump-vmstate echr fda fdb fsdev fw_cfg gdb global hda hdb hdc hdd icount incoming initrd
  iscsi k kernel loadvm m machine M mem-path mon monitor msg mtdblock name net netdev nic numa object option-rom overcommit
  parallel pflash pidfile plugin qmp qmp-pretty qtest qtest-log readconfig rotate rtc runas sandbox sd seed serial set smbios
  smp spice tpmdev trace usbdevice uuid vga virtfs vnc watchdog-action xen-domid`.split(/\s+/),
])

function checkIds(
  own: readonly QemuOption[],
  theirs: readonly QemuOption[],
  channels: readonly Channel[],
): readonly Diagnostic[] {
  const key = (group: string, id: string) => `${group} ${id}`
  const taken = new Map<string, string>()
  for (const id of [...RESERVED, ...channels.map((c) => c.id)])
    taken.set(key('chardev', id), 'the machine’s own')
  for (const option of theirs) {
    const id = idOf(option)
    const group = GROUPS[option.name]
    if (id !== undefined && group !== undefined) taken.set(key(group, id), 'the machine’s own')
  }
  return own.flatMap((option) => {
    if (option.name === 'set') return checkSet(option, taken)
    const id = idOf(option)
    const group = Object.hasOwn(GROUPS, option.name) ? GROUPS[option.name] : undefined
    if (id === undefined || group === undefined) return []
    const other = taken.get(key(group, id))
    taken.set(key(group, id), `that of ${at(option.index)}`)
    if (other === undefined) return []
    const what = `-${option.name} ${option.value} has the id "${id}", which is ${other}`
    return [problems.QEMU_ARG_ID_TWICE.at(at(option.index + 1), what)]
  })
}

/** `-set group.id.property=value` changes a device that is described elsewhere. */
function checkSet(
  { value = '', index }: QemuOption,
  taken: ReadonlyMap<string, string>,
): readonly Diagnostic[] {
  const [, group = '', id = ''] = /^([^.]+)\.([^.]+)\./.exec(value) ?? []
  if (taken.get(`${GROUPS[group] ?? group} ${id}`) !== 'the machine’s own') return []
  const remedy = `describe it at "${id}" of the description`
  return [
    problems.QEMU_ARG_CONFLICT.at(at(index), `-set ${value} changes a device of the machine`, { remedy }),
  ]
}

function checkBootIndexes(own: readonly QemuOption[], theirs: readonly QemuOption[]): readonly Diagnostic[] {
  const taken = new Map<string, string>()
  if (theirs.some((o) => o.name === 'kernel')) taken.set('0', 'the kernel')
  const indexed = (option: QemuOption) =>
    option.name === 'device' || option.name === 'set' ? option.keys.get('bootindex') : undefined
  for (const option of theirs) {
    const index = indexed(option)
    if (index !== undefined) taken.set(index, `"${idOf(option)}"`)
  }
  return own.flatMap((option) => {
    const index = indexed(option)
    if (index === undefined || index === '-1') return []
    const other = taken.get(index)
    taken.set(index, at(option.index))
    return other === undefined
      ? []
      : [
          problems.QEMU_ARG_BOOTINDEX_TWICE.at(
            at(option.index + 1),
            `boot index ${index} is that of ${other} too`,
          ),
        ]
  })
}

function checkKernelFirst(machine: MachineConfig): readonly Diagnostic[] {
  if (machine.boot.kernel === undefined) return []
  return partsOf(machine).flatMap(({ device, config, path }) =>
    device.bootindex?.(config) === 0
      ? [
          problems.QEMU_ARG_BOOTINDEX_TWICE.at(`${path}.bootindex`, 'boot index 0 is that of the kernel', {
            remedy: 'use 1 or more, or remove boot.kernel',
          }),
        ]
      : [],
  )
}

function checkSnapshot(machine: MachineConfig, own: readonly QemuOption[]): readonly Diagnostic[] {
  const snapshot = own.find((o) => o.name === 'snapshot')
  if (!snapshot) return []
  const kept = [
    ...partsOf(machine).flatMap(({ device, config }) => device.keeps?.(config) ?? []),
    ...(machine.boot.variables === undefined ? [] : [`UEFI variables ${machine.boot.variables}`]),
  ]
  if (kept.length === 0) return []
  return [problems.QEMU_SNAPSHOT_DISCARDS.at(at(snapshot.index), `-snapshot, and ${kept.join(' and ')}`)]
}
