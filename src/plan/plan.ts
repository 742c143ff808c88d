/**
 * The plan of one guest: everything that its boot will do, as plain data. A run has one or several: see `run-plan.ts`.
 * `makePlan()` (in `make-plan.ts`) decides; `launchGuest()` (in `src/guest/launch.ts`) acts.
 */
import type { Diagnostic } from '../diagnostics.ts'
import {
  type Argument,
  type Channel,
  type FileAction,
  type FileLock,
  type Join,
  option,
  type PersistenceVerdict,
  type StoreClaim,
} from '../machine/device.ts'
import { FREE_GDB, USUAL_GDB } from '../machine/devices/gdb.ts'
import type { AcceleratorFact, Facts, FileFact, QemuBinary } from '../machine/facts.ts'
import type { MachineConfig } from '../machine/machine.ts'

/** What an exit value of the guest means. */
export interface ExitMeaning {
  readonly verdict: 'passed' | 'failed'
  readonly meaning: string
}

/** How to tell from outside how the guest ended: the profile's part of a plan. Plain data. */
export interface Judgement {
  /** Meaning of the values that the guest writes to isa-debug-exit, or returns by its command channel. */
  readonly exitCodes: Readonly<Record<number, ExitMeaning>>
  /** Sources of regular expressions; a line of the console or of the screen that matches one is a crash. */
  readonly panicPatterns: readonly string[]
  /**
   * Sources of regular expressions. A line of the console or of the screen that matches one is a pass and ends the
   * guest; where there are any, nothing else is a pass.
   */
  readonly passPatterns?: readonly string[]
  /**
   * Sources of regular expressions. After a console line that matches one, a reset by the guest is a restart in order:
   * where it may not restart, the run ends as by a power-off.
   */
  readonly restartPatterns?: readonly string[]
  /** The same for lines of a guest that halts: the run ends then as by a power-off, since the machine would not. */
  readonly haltPatterns?: readonly string[]
  /** What it means when the guest powers itself off without having said an exit code. */
  readonly onPowerOff: 'passed' | 'failed'
  /** Whether a reset by the guest ends the run (as a crash, if it was a triple fault) or is a reboot. */
  readonly onReset: 'stop' | 'reboot'
}

/**
 * What has to happen before a guest starts: a line of another guest's console or command matches `shows` (source of a
 * regular expression), a port of it that is forwarded to this computer accepts connections, or it has ended.
 */
export type Condition =
  | { readonly guest: string; readonly shows: string }
  | { readonly guest: string; readonly port: number }
  | { readonly guest: string; readonly ends: true | 'passed' }

export interface GuestPlan {
  /** Its name in the run: `client-2`. The machine's name where the run has one guest alone. */
  readonly guest: string
  /** Name under which stores, MAC addresses and locks are kept: `pair.client-2`, or that of the machine. */
  readonly name: string
  readonly profile: string
  /** The whole description, defaults filled in. */
  readonly machine: MachineConfig
  /** All of them have to hold before it starts. */
  readonly after: readonly Condition[]
  /** Command that runs in the guest once it answers; its end is the end of the guest. Empty for none. */
  readonly command: readonly string[]
  /** Whether the run's verdict depends on this guest's. A run ends with the last guest that counts. */
  readonly counts: boolean
  readonly files: readonly FileAction[]
  readonly locks: readonly FileLock[]
  readonly stores: readonly StoreClaim[]
  readonly channels: readonly Channel[]
  /** Resources of the run that its devices are connected to. */
  readonly joins: readonly Join[]
  readonly qemu: PlannedQemu
  readonly accelerator: { readonly name: 'kvm' | 'tcg'; readonly because: string }
  readonly accelerators: readonly AcceleratorFact[]
  /** The machine alone, without the channels that tie it to a bringup process. */
  readonly args: readonly Argument[]
  /** The command as a person can paste it: console on this terminal, other channels unconnected. */
  readonly argv: readonly string[]
  /**
   * Every word that QEMU gets under bringup. Words in braces stand for what is known only when it starts: `{run}` for the
   * folder of the record, `{qmp}` and the names of channels for descriptors, `{keeper}` for a socket's name.
   */
  readonly supervisedArgv: readonly string[]
  readonly judgement: Judgement
  /** Whether it boots or is restored from a saved state. Absent: it boots, and is not saved. */
  readonly origin?: Origin
  /** ELF file with the symbols of what boots, for a debugger. */
  readonly symbols?: string
  /** From power-on to the end of the run. */
  readonly timeoutMs: number
  readonly pins: readonly { readonly cpu: number; readonly hostCpus: readonly number[] }[]
  /** Which cores and memory of this computer it has. Absent where the kernel chooses. */
  readonly placement?: GuestPlacement
  readonly persistence: readonly PersistenceVerdict[]
  /** What a run has to fetch, make or build first; empty in the plan that a run follows. */
  readonly pending: readonly { readonly what: string; readonly bytes?: number; readonly path?: string }[]
  readonly diagnostics: readonly Diagnostic[]
  /** What was known of this computer when the plan was made. */
  readonly facts: PlanFacts
}

/** How a guest starts, and why. */
export interface Origin {
  readonly kind: 'boot' | 'state'
  readonly because: string
  /** Where its state at its first answer is saved, and what it depends on. */
  readonly saves?: StatePlace & { readonly parts: Readonly<Record<string, string>> }
  /** The state that it is restored from. */
  readonly state?: StatePlace
  /** What differs in the plan of the same guest that boots and is not saved. */
  readonly otherwise?: Pick<GuestPlan, 'args' | 'locks' | 'files' | 'stores'>
}

/** A saved state: digest of what it depends on, and its folder. */
export interface StatePlace {
  readonly key: string
  readonly folder: string
  /** Clock and random numbers of the saved guest are kept. */
  readonly isSame?: boolean
}

/** The QEMU that runs a guest, and how it is started. */
export interface PlannedQemu extends QemuBinary {
  readonly version: string
  /** Why it is this one, where the description does not say it. */
  readonly because?: string
}

/** The place of a guest on this computer, as its rack decided it. Its `pins` and `hostNodes` follow from it. */
export interface GuestPlacement {
  readonly strategy: 'pack' | 'interleave'
  readonly cores: 'exclusive' | 'shared'
  /** Threads of its QEMU run on these CPUs of this computer and on no others. */
  readonly hostCpus: readonly number[]
  /** One for each NUMA node of the guest, or one for all of it. */
  readonly parts: readonly PlacedPart[]
}

export interface PlacedPart {
  /** NUMA node of the guest; absent where it has none. */
  readonly node?: number
  /** CPUs of the guest. */
  readonly cpus: readonly number[]
  readonly hostCpus: readonly number[]
  /** NUMA nodes of this computer that its cores are on. */
  readonly onNodes: readonly number[]
  /** NUMA nodes that its memory is bound to; absent where the kernel chooses. */
  readonly memoryNodes?: readonly number[]
  readonly bytes: number
}

/** The part of the facts that a plan depends on, as JSON. */
export interface PlanFacts extends Pick<Facts, 'hostPorts' | 'hostNodes' | 'hostBytes'> {
  readonly files: readonly FileFact[]
  /** Of the QEMU binary. */
  readonly qemuSha256?: string
}

/** The chardev id of the first console, which every machine has. */
export const CONSOLE = 'console'

/** QEMU's argv for a person: the console on the terminal with QEMU's monitor behind Ctrl-A C. */
export function pasteArgv(plan: Pick<GuestPlan, 'qemu' | 'args' | 'channels'>): readonly string[] {
  const chardevs = plan.channels.flatMap((c) => [
    '-chardev',
    c.id === CONSOLE ? `stdio,id=${CONSOLE},mux=on` : `null,id=${c.id}`,
  ])
  const monitor = plan.channels.some((c) => c.id === CONSOLE) ? ['-mon', `chardev=${CONSOLE}`] : []
  // The log of a run lies in its record, which a pasted command does not have.
  const args = plan.args
    .filter(([, value]) => value?.startsWith('{run}/') !== true)
    .map((arg) => (arg[0] === FREE_GDB[0] && arg[1] === FREE_GDB[1] ? USUAL_GDB : unplugged(arg)))
  return qemuCommand(plan.qemu, [...chardevs, ...monitor, ...flat(args)])
}

/**
 * The words that start a QEMU, whatever it needs for it: its environment by `env`, a loader that it brings along, its own
 * firmware and data. Every start of QEMU goes through here.
 *
 * @example
 * qemuCommand({ path: '/usr/bin/qemu-system-x86_64' }, ['-version'])
 */
export function qemuCommand({ path, starting }: QemuBinary, args: readonly string[]): readonly string[] {
  if (starting === undefined) return [path, ...args]
  const { environment, before, args: own } = starting
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  return [...(variables.length > 0 ? ['env', ...variables] : []), ...before, path, ...own, ...args]
}

/** A card on a network of the run: the network exists in a run only, and a hub with one port is a cable to nowhere. */
function unplugged(argument: Argument): Argument {
  const [flag, value] = argument
  // The user’s own arguments are words, of which each stands alone.
  if (value === undefined) return argument
  const [, id] = /^(?:stream|tap),id=([^,]+),(?:addr\.type=fd,|fds?=\{)/.exec(value) ?? []
  if (flag === '-netdev' && id !== undefined) return option('-netdev', 'hubport', { id, hubid: 0 })
  return flag === '-chardev' || flag === '-object' ? [flag, sharedByPath(value)] : argument
}

/**
 * Shared memory as pasted commands can share it: a file that each of them opens, and the socket at which QEMU's
 * `ivshmem-server` listens by default (contrib/ivshmem-server/main.c).
 */
function sharedByPath(value: string): string {
  return (
    value
      .replace(/mem-path=\/proc\/self\/fd\/\{fd:([^}]+)\}/, 'mem-path=/dev/shm/$1')
      .replace(/^(socket,id=[^,]+),fd=\{fd:([^}]+)-folder\}/, `$1,path=${folderSocket('$2')}`)
      // Where rdmacm-mux listens by default (contrib/rdmacm-mux/main.c).
      .replace(/^(socket,id=[^,]+),fd=\{fd:[^}]+-mux-([^}]+)\}/, '$1,path=/var/run/rdmacm-mux-$2')
      .replace(/^(socket,id=[^,]+),fd=\{fd:[^}]+\}/, '$1,path=/tmp/ivshmem_socket')
  )
}

/** Socket at which a pasted command expects the daemon that serves a folder. */
export const folderSocket = (device: string) => `/tmp/virtiofsd-${device}`

/** QEMU's argv under bringup, with names in braces for what is known only when it starts. */
export function plannedArgv(plan: Pick<GuestPlan, 'qemu' | 'args' | 'channels'>): readonly string[] {
  const channelFds = Object.fromEntries(plan.channels.map(({ id }) => [id, `{${id}}`]))
  return supervisedArgv(plan, { qmpFd: '{qmp}', channelFds, keeper: '{keeper}' })
}

/** What ties a supervised QEMU to the process that started it. */
export interface Ties {
  /** Inherited descriptor of the QMP socket pair. */
  readonly qmpFd: number | string
  /** Inherited descriptor by channel id; the console is standard input and output and has none. */
  readonly channelFds: Readonly<Record<string, number | string>>
  /** Value of `-chardev` by channel id, for those that are no socket. */
  readonly chardevs?: Readonly<Record<string, string>>
  /** Inherited descriptor by the id of a join. Without it the arguments keep `{fd:ID}`. */
  readonly joinFds?: Readonly<Record<string, number>>
  /** Abstract socket that QEMU connects to at start: a QEMU whose bringup died before `prctl` took hold fails here. */
  readonly keeper: string
}

/** QEMU's argv under bringup: paused until QMP says `cont`, every channel an inherited descriptor, no path anywhere. */
export function supervisedArgv(
  plan: Pick<GuestPlan, 'qemu' | 'args' | 'channels'>,
  ties: Ties,
): readonly string[] {
  const chardevs = plan.channels.flatMap((c) => [
    '-chardev',
    c.id === CONSOLE
      ? `stdio,id=${CONSOLE},signal=off`
      : (ties.chardevs?.[c.id] ?? `socket,id=${c.id},fd=${ties.channelFds[c.id]}`),
  ])
  return qemuCommand(plan.qemu, [
    ...(plan.args.some(([flag]) => flag === '-S') ? [] : ['-S']),
    ...['-chardev', `socket,id=bringup-keeper,path=${ties.keeper},abstract=on`],
    ...['-chardev', `socket,id=bringup-qmp,fd=${ties.qmpFd}`, '-mon', 'chardev=bringup-qmp,mode=control'],
    ...chardevs,
    ...flat(plan.args).map((word) => withDescriptors(word, ties.joinFds)),
  ])
}

/** `{fd:lan-net}` becomes the number of the descriptor that QEMU inherits: as a whole value or one of a list of them, and not within a path. */
function withDescriptors(word: string, fds: Ties['joinFds'] = {}): string {
  return word.replace(/(?<=^|=|\}:|\/proc\/self\/fd\/)\{fd:([^}]+)\}(?=,|$|:\{fd:)/g, (text, id: string) =>
    Object.hasOwn(fds, id) ? `${fds[id]}` : text,
  )
}

function flat(args: readonly Argument[]): readonly string[] {
  return args.flatMap(([flag, value]) => (value === undefined ? [flag] : [flag, value]))
}
