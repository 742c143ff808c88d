/**
 * Reads a command line of QEMU into the description of a machine: the one that `compileMachine` would make such a command
 * of. What a description cannot express stays an argument where bringup takes it, and is listed in any case. Pure.
 */
import type { MachineInput } from '../machine-schema.ts'
import { deviceSchema, machineSchema } from '../machine-schema.ts'
import { whyOwn } from '../qemu-arg-rules.ts'
import { type QemuOption, readQemuArgs } from '../qemu-args.ts'
import { readBoard } from './board.ts'
import { readBoot } from './boot.ts'
import { readDisks, readGlobals } from './disks.ts'
import {
  type Command,
  type Finding,
  type Keys,
  lost,
  named,
  needless,
  type Reader,
  type Remark,
  textOf,
} from './finding.ts'
import { readMemories } from './memories.ts'
import { readNics } from './nics.ts'
import { readPorts } from './ports.ts'

export type { Remark } from './finding.ts'

/** What a command line says of a machine. */
export interface ReadMachine {
  /** The name that the command gives the guest. */
  readonly name: string | undefined
  readonly machine: MachineInput
  readonly remarks: readonly Remark[]
}

/** Boot and board take what they need of drives and objects before devices are looked at. */
const READERS: readonly Reader[] = [
  readBoard,
  readBoot,
  readMemories,
  readDisks,
  readGlobals,
  readNics,
  readPorts,
]

/**
 * The machine of a command line, without the name of the program.
 *
 * @example
 * machineFromQemu(['-cdrom', 'os.iso', '-m', '64']).machine // { type: 'pc', memory: '64M', devices: [{ kind: 'cdrom', … }] }
 */
export function machineFromQemu(given: readonly string[], { is32Bit = false } = {}): ReadMachine {
  // The arguments of a process have no NUL characters; files of a tree may.
  const words = given.map((word) => word.replaceAll('\0', ''))
  // A variable of unknown value that stands alone may hold options, and is no disk.
  const isUnknown = ({ name, index }: QemuOption) => name === 'hda' && /^[$`]/.test(words[index] ?? '')
  const whole = commandOf(
    readQemuArgs(words).filter((option) => !isUnknown(option)),
    is32Bit,
  )
  let { options } = whole
  const findings: Finding[] = []
  for (const read of READERS)
    for (const finding of read({ ...whole, options })) {
      if (finding.device !== undefined && !isValid(finding.device)) continue
      findings.push(finding)
      options = options.filter((option) => !finding.uses.includes(option))
    }
  const rest = readRest({ ...whole, options })
  const devices = orderOfBoot(whole, devicesOf(findings))
  const described = Object.assign({}, ...findings.map(({ machine }) => machine ?? {})) as Keys
  const qemuArgs = [...((described.qemuArgs as string[] | undefined) ?? []), ...rest.qemuArgs]
  const machine = {
    ...described,
    ...(devices.length > 0 ? { devices } : {}),
    ...(qemuArgs.length > 0 ? { qemuArgs } : { qemuArgs: undefined }),
  }
  return {
    name: nameOf(whole),
    machine: checked(JSON.parse(JSON.stringify(machine)) as MachineInput),
    remarks: dedupe([
      ...findings.flatMap(({ remarks }) => remarks ?? []),
      ...defaultCard(whole),
      ...rest.remarks,
    ]),
  }
}

function commandOf(options: readonly QemuOption[], is32Bit: boolean): Command {
  const machine = options.filter((o) => o.name === 'machine' || o.name === 'M')
  return { options, machine, is32Bit, isBare: options.some((o) => o.name === 'nodefaults') }
}

/** A device that the schema refuses goes to QEMU as it is. */
const isValid = (device: Keys) => deviceSchema.safeParse(device).success

function checked(machine: MachineInput): MachineInput {
  const parsed = machineSchema.safeParse(machine)
  if (parsed.success) return machine
  const wrong = new Set(parsed.error.issues.map(({ path }) => `${String(path[0])}`))
  return Object.fromEntries(Object.entries(machine).filter(([key]) => !wrong.has(key))) as MachineInput
}

function devicesOf(findings: readonly Finding[]): readonly Keys[] {
  const place = ({ at, uses }: Finding) => at ?? uses[0]?.index ?? 0
  const sorted = findings.toSorted((a, b) => place(a) - place(b))
  return sorted.flatMap(({ device }) => (device === undefined ? [] : [device]))
}

/** QEMU's own order, and the letters of `-boot order=` (system/bootdevice.c). */
const LETTERS: Readonly<Record<string, string>> = { a: 'floppy', c: 'disk', d: 'cdrom', n: 'nic' }

/** Firmware tries what has an index; a command without indexes means the first of each kind in QEMU's order. */
function orderOfBoot(command: Command, devices: readonly Keys[]): readonly Keys[] {
  const isOrdered = devices.some((d) => d.bootindex !== undefined)
  const hasKernel = named(command, 'kernel').length > 0
  const boot = named(command, 'boot').at(-1)
  if ((command.isBare && boot === undefined) || isOrdered || hasKernel) return devices
  const order = boot?.keys.get('once') ?? boot?.keys.get('order') ?? boot?.keys.get('')
  const kinds = [...(order ?? 'cad')].map((letter) => LETTERS[letter] ?? '')
  const first = kinds.flatMap((kind) => devices.find((d) => d.kind === kind && kind !== 'nic') ?? [])
  return devices.map((device) => {
    const bootindex = first.indexOf(device)
    return bootindex < 0 ? device : { ...device, bootindex }
  })
}

/** Options that say where text goes, how QEMU runs, or what it tells of itself. */
const NEEDLESS: Readonly<Record<string, string>> = {
  nodefaults: 'it is always set',
  'no-user-config': 'it is always set',
  nouserconfig: 'it is always set',
  nographic: 'no window is opened, and the first serial port is the console',
  display: 'no window is opened; `bringup screen` shows what a guest draws',
  sdl: 'no window is opened',
  curses: 'no window is opened',
  'full-screen': 'no window is opened',
  vnc: 'no window is opened; `bringup screen` shows what a guest draws',
  spice: 'no window is opened',
  monitor: 'bringup speaks QMP with QEMU',
  mon: 'bringup speaks QMP with QEMU',
  qmp: 'bringup speaks QMP with QEMU',
  'qmp-pretty': 'bringup speaks QMP with QEMU',
  daemonize: '`bringup run -d` runs in the background',
  pidfile: '`bringup ps` lists what runs',
  'no-reboot': 'bringup decides how a run ends',
  'no-shutdown': 'bringup decides how a run ends',
  action: 'bringup decides how a run ends',
  boot: 'the order is in `bootindex` of the devices',
  k: 'keys are pressed by `bringup screen --type`',
  parallel: 'the kernel’s words are read from serial ports, port 0xe9 and the screen',
  D: 'the log of QEMU is in the record of the run',
  msg: 'it does not change the guest',
  runas: 'QEMU runs as this user',
  sandbox: 'it does not change the guest',
  name: 'the name of the machine',
  'no-hpet': 'bringup decides it with the machine type',
}

/** What only helps another option: it is dropped with the device that used it. */
const HELPERS = ['chardev', 'object', 'netdev', 'drive', 'blockdev', 'fsdev']

function readRest(command: Command): {
  readonly qemuArgs: readonly string[]
  readonly remarks: readonly Remark[]
} {
  const remarks: Remark[] = []
  const passed: QemuOption[] = []
  for (const option of command.options) {
    const because = NEEDLESS[option.name]
    const own = whyOwn(option)
    if (because !== undefined) {
      if (!isOwnWord(option)) remarks.push(needless(option, because))
    } else if (option.name === 'd' && option.value === 'cpu_reset') continue
    else if (isStdio(option)) remarks.push(needless(option, 'standard input and output carry the console'))
    else if (HELPERS.includes(option.name) && option.name !== 'object' && !isUsed(command, option))
      remarks.push(lost(textOf(option), 'no device of the command uses it'))
    else if (own !== undefined) remarks.push(lost(textOf(option), own))
    else passed.push(option)
  }
  const qemuArgs = passed.flatMap((o) => (o.value === undefined ? [`-${o.name}`] : [`-${o.name}`, o.value]))
  return {
    qemuArgs,
    remarks: [
      ...remarks,
      ...passed.map(
        (o): Remark => ({
          words: textOf(o),
          because: 'a description cannot express it; `--verify` does not compare it',
          state: 'passed',
        }),
      ),
    ],
  }
}

/** Options that bringup adds to every command; they are not listed. */
const isOwnWord = ({ name, value }: QemuOption) =>
  ['nodefaults', 'no-user-config', 'name', 'nographic'].includes(name) ||
  (name === 'display' && value === 'none') ||
  (name === 'mon' && value === 'chardev=console') ||
  (name === 'action' && value?.startsWith('reboot=') === true) ||
  (name === 'D' && value?.startsWith('{run}') === true)

const isStdio = ({ name, head, value }: QemuOption) =>
  name === 'chardev' && (head === 'stdio' || (head === 'null' && value !== undefined))

function isUsed(command: Command, { keys }: QemuOption): boolean {
  const id = keys.get('id') ?? keys.get('node-name')
  // A drive without an id is a medium of the machine.
  if (id === undefined) return true
  return command.options.some((o) =>
    [...o.keys].some(([key, value]) => value === id && key !== 'id' && key !== 'node-name'),
  )
}

/** The card that QEMU adds by itself, which few kernels look at. */
function defaultCard(command: Command): readonly Remark[] {
  const hasNetwork = named(command, 'nic', 'net', 'netdev').length > 0
  if (command.isBare || hasNetwork || command.options.length === 0) return []
  return [
    {
      words: 'QEMU’s default network card',
      because:
        "the command asks for no network; `{ kind: 'nic', model: 'e1000' }` in `devices` adds the card",
      state: 'needless',
    },
  ]
}

function nameOf(command: Command): string | undefined {
  const option = named(command, 'name').at(-1)
  return option?.keys.get('guest') ?? option?.keys.get('')
}

function dedupe(remarks: readonly Remark[]): readonly Remark[] {
  const seen = new Set<string>()
  return remarks.filter(({ words, because }) => {
    const key = `${words}\0${because}`
    return seen.has(key) ? false : seen.add(key)
  })
}
