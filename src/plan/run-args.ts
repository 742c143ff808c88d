/** Arguments that a run needs, joined with those that the user gives for the same options. Pure. */
import { type Argument, option } from '../machine/device.ts'
import { hasScreen } from '../machine/devices/display.ts'
import type { MachineConfig } from '../machine/machine.ts'
import { type QemuOption, readQemuArgs } from '../machine/qemu-args.ts'
import type { GuestPlan } from './plan.ts'

/** Stands for the folder of a run's record, in a plan of a run that has not begun. */
const RUN_FOLDER = '{run}'

/**
 * MiB for the code that TCG has translated. QEMU does not empty it at a reset, and with its default of up to 1 GiB,
 * firmware that writes over what an earlier boot has run takes minutes (OVMF after an apt-like load: more than 8
 * minutes with the default, 22 s with this).
 */
const TCG_CACHE_MIB = 64

const countsInstructions = ({ name, value }: QemuOption) => name === 'icount' && value !== 'off'

/** The option that only TCG knows, if one is given: instructions are counted and watched where they are translated. */
export function needsTcg(qemuArgs: readonly string[]): string | undefined {
  const own = readQemuArgs(qemuArgs)
  return own.find((o) => countsInstructions(o) || o.name === 'plugin')?.name
}

/** Multi-threaded TCG, one host thread per vCPU; QEMU counts instructions (-icount) with a single thread only. */
export function acceleratorArgs(name: 'kvm' | 'tcg', qemuArgs: readonly string[]): readonly Argument[] {
  if (name === 'kvm') return [option('-accel', 'kvm')]
  const counts = readQemuArgs(qemuArgs).some(countsInstructions)
  return [option('-accel', 'tcg', { thread: counts ? 'single' : 'multi', 'tb-size': TCG_CACHE_MIB })]
}

/** Id of the log's descriptor, where QEMU inherits it. */
export const QEMU_LOG = 'qemu-log'

export interface RunArgs {
  readonly args: readonly Argument[]
  /** The file that QEMU's log is written to. */
  readonly qemuLog: string
  /** QEMU inherits the log as descriptor `QEMU_LOG`: in a name it takes `%d` for its number, and refuses other `%`. */
  readonly isInherited: boolean
}

interface Ends {
  readonly reboot: 'shutdown' | 'reset'
  readonly shutdown: 'pause' | undefined
}

/** QEMU before 6.0 has `-no-reboot` and `-no-shutdown` alone, which mean the same. */
function endArgs({ reboot, shutdown }: Ends, hasAction: boolean): readonly Argument[] {
  if (hasAction) return [option('-action', undefined, { reboot, shutdown })]
  return [
    ...(reboot === 'shutdown' ? [['-no-reboot'] as const] : []),
    ...(shutdown === 'pause' ? [['-no-shutdown'] as const] : []),
  ]
}

/** Whether the arguments of a plan are for a QEMU that has `-action`. */
export const usesAction = (args: readonly Argument[]): boolean => args.at(-1)?.[0] === '-action'

/**
 * QEMU's log and what a reset does. bringup reads CPU resets from the log, to tell a triple fault from other ends; the
 * user's own items are added to them, and the user's own file is the one that is read.
 */
export function runArgs(
  { qemuArgs, display }: Pick<MachineConfig, 'qemuArgs' | 'display'>,
  onReset: GuestPlan['judgement']['onReset'],
  { runFolder = RUN_FOLDER, hasAction = true }: { runFolder?: string; hasAction?: boolean } = {},
): RunArgs {
  const own = readQemuArgs(qemuArgs)
  const items = own.flatMap((o) => (o.name === 'd' ? (o.value ?? '').split(',') : []))
  const theirs = own.findLast((o) => o.name === 'D')?.value
  const qemuLog = theirs ?? `${runFolder}/qemu.log`
  const isTemplate = theirs === undefined && qemuLog.includes('%')
  return {
    args: [
      ['-d', [...new Set([...items.filter((item) => item !== ''), 'cpu_reset'])].join(',')],
      ['-D', isTemplate ? `/proc/self/fd/{fd:${QEMU_LOG}}` : qemuLog],
      ...endArgs(
        {
          reboot: onReset === 'stop' ? 'shutdown' : 'reset',
          // QEMU waits, so that the screen can be read.
          shutdown: hasScreen({ qemuArgs, display }) ? 'pause' : undefined,
        },
        hasAction,
      ),
    ],
    qemuLog,
    isInherited: isTemplate,
  }
}
