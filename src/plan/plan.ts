/**
 * The plan: everything that one boot will do, as plain data. It can be printed, diffed, saved and read by a person
 * before anything happens. `makePlan()` (in `make-plan.ts`) decides; `launchPlan()` (in `src/guest/launch.ts`) acts.
 */
import type { Diagnostic } from '../diagnostics.ts'
import type {
  Argument,
  Channel,
  FileAction,
  FileLock,
  PersistenceVerdict,
  StoreClaim,
} from '../machine/device.ts'
import { FREE_GDB, USUAL_GDB } from '../machine/devices/gdb.ts'
import type { AcceleratorFact } from '../machine/facts.ts'
import type { MachineConfig } from '../machine/machine.ts'

/** How the guest starts. Saved states join here; the launch path stays one. */
export type Start = { readonly kind: 'reset' }

/** A change to the host before the run (taps, huge pages, RDMA): described here, done by `src/steps`. */
export interface StepPreview {
  readonly id: string
  readonly what: string
  readonly commands: readonly (readonly string[])[]
}

/** A process that lives as long as the run: a DHCP server, a multiplexer. */
export interface SideProcess {
  readonly id: string
  readonly argv: readonly string[]
}

/** What an exit value of the guest means. */
export interface ExitMeaning {
  readonly verdict: 'passed' | 'failed'
  readonly meaning: string
}

/** How to tell from outside how the guest ended: the profile's part of a plan. Plain data. */
export interface Judgement {
  /** Meaning of the values that the guest writes to isa-debug-exit, or returns by its command channel. */
  readonly exitCodes: Readonly<Record<number, ExitMeaning>>
  /** Sources of regular expressions; a console line that matches one is a crash. */
  readonly panicPatterns: readonly string[]
  /**
   * Sources of regular expressions. A console line that matches one is a pass and ends the guest; where there are any,
   * nothing else is a pass.
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

export interface Plan {
  /** The machine's name. */
  readonly name: string
  readonly profile: string
  /** The whole description, defaults filled in. */
  readonly machine: MachineConfig
  readonly start: Start
  readonly steps: readonly StepPreview[]
  readonly sideProcesses: readonly SideProcess[]
  readonly files: readonly FileAction[]
  readonly locks: readonly FileLock[]
  readonly stores: readonly StoreClaim[]
  readonly channels: readonly Channel[]
  readonly qemu: { readonly path: string; readonly version: string }
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
  /** ELF file with the symbols of what boots, for a debugger. */
  readonly symbols?: string
  /** From power-on to the end of the run. */
  readonly timeoutMs: number
  readonly pins: readonly { readonly cpu: number; readonly hostCpus: readonly number[] }[]
  readonly persistence: readonly PersistenceVerdict[]
  /** What a run has to fetch, make or build first; empty in the plan that a run follows. */
  readonly pending: readonly { readonly what: string; readonly bytes?: number; readonly path?: string }[]
  readonly diagnostics: readonly Diagnostic[]
}

/** The chardev id of the first console, which every machine has. */
export const CONSOLE = 'console'

/** QEMU's argv for a person: the console on the terminal with QEMU's monitor behind Ctrl-A C. */
export function pasteArgv(plan: Pick<Plan, 'qemu' | 'args' | 'channels'>): readonly string[] {
  const chardevs = plan.channels.flatMap((c) => [
    '-chardev',
    c.id === CONSOLE ? `stdio,id=${CONSOLE},mux=on` : `null,id=${c.id}`,
  ])
  const monitor = plan.channels.some((c) => c.id === CONSOLE) ? ['-mon', `chardev=${CONSOLE}`] : []
  // The log of a run lies in its record, which a pasted command does not have.
  const args = plan.args
    .filter(([, value]) => value?.startsWith('{run}/') !== true)
    .map((arg) => (arg[0] === FREE_GDB[0] && arg[1] === FREE_GDB[1] ? USUAL_GDB : arg))
  return [plan.qemu.path, ...chardevs, ...monitor, ...flat(args)]
}

/** QEMU's argv under bringup, with names in braces for what is known only when it starts. */
export function plannedArgv(plan: Pick<Plan, 'qemu' | 'args' | 'channels'>): readonly string[] {
  const channelFds = Object.fromEntries(plan.channels.map(({ id }) => [id, `{${id}}`]))
  return supervisedArgv(plan, { qmpFd: '{qmp}', channelFds, keeper: '{keeper}' })
}

/** What ties a supervised QEMU to the process that started it. */
export interface Ties {
  /** Inherited descriptor of the QMP socket pair. */
  readonly qmpFd: number | string
  /** Inherited descriptor by channel id; the console is standard input and output and has none. */
  readonly channelFds: Readonly<Record<string, number | string>>
  /** Abstract socket that QEMU connects to at start: a QEMU whose bringup died before `prctl` took hold fails here. */
  readonly keeper: string
}

/** QEMU's argv under bringup: paused until QMP says `cont`, every channel an inherited descriptor, no path anywhere. */
export function supervisedArgv(
  plan: Pick<Plan, 'qemu' | 'args' | 'channels'>,
  ties: Ties,
): readonly string[] {
  const chardevs = plan.channels.flatMap((c) => [
    '-chardev',
    c.id === CONSOLE ? `stdio,id=${CONSOLE},signal=off` : `socket,id=${c.id},fd=${ties.channelFds[c.id]}`,
  ])
  return [
    plan.qemu.path,
    ...(plan.args.some(([flag]) => flag === '-S') ? [] : ['-S']),
    ...['-chardev', `socket,id=bringup-keeper,path=${ties.keeper},abstract=on`],
    ...['-chardev', `socket,id=bringup-qmp,fd=${ties.qmpFd}`, '-mon', 'chardev=bringup-qmp,mode=control'],
    ...chardevs,
    ...flat(plan.args),
  ]
}

function flat(args: readonly Argument[]): readonly string[] {
  return args.flatMap(([flag, value]) => (value === undefined ? [flag] : [flag, value]))
}
