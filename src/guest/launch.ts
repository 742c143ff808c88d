/** Acts on a plan: files, QEMU, pins, `cont`. From there on the guest runs: see `running-guest.ts`. */
import { join } from 'node:path'
import { BringupError, type Diagnostic, isClean } from '../diagnostics.ts'
import type { Plan } from '../plan/plan.ts'
import { runArgs } from '../plan/run-args.ts'
import { startQemu } from '../qemu/process.ts'
import { createRun, type RunResult, recordArgv } from '../runs/record.ts'
import type { Guest } from './guest.ts'
import { createFiles } from './host-files.ts'
import { type GuestOptions, RunningGuest } from './running-guest.ts'

export type LaunchOptions = GuestOptions

/** The machine did not start. The record of the run is written all the same, and its result is here. */
export class LaunchError extends BringupError {
  readonly result: RunResult

  constructor(diagnostics: readonly Diagnostic[], result: RunResult, options?: ErrorOptions) {
    super(diagnostics, options)
    this.result = result
  }
}

/**
 * Starts the machine of a plan and resolves when the guest runs.
 *
 * @throws BringupError with the plan's diagnostics when it has errors: nothing is started then, and no record made.
 * @throws LaunchError with what went wrong before the guest began to run.
 */
export async function launchPlan(plan: Plan, options: LaunchOptions): Promise<Guest> {
  if (!isClean(plan.diagnostics))
    throw new BringupError(plan.diagnostics.filter((d) => d.severity === 'error'))
  createFiles(plan.files)
  const record = createRun(options.stateFolder, plan, plan.supervisedArgv)
  const onReset = options.allowReboot ? 'reboot' : plan.judgement.onReset
  const own = runArgs(plan.machine.qemuArgs, onReset, record.path)
  const folder = { ...record, qemuLog: own.qemuLog }
  const planned = runArgs(plan.machine.qemuArgs, plan.judgement.onReset).args.length
  const qemu = await startQemu({
    plan: { ...plan, args: [...plan.args.slice(0, -planned), ...own.args] },
    onArgv: (argv) => recordArgv(record, argv),
    qmpLogPath: folder.qmpLog,
    stderrPath: join(folder.path, 'stderr.log'),
  })
  const guest = new RunningGuest(plan, options, folder, qemu)
  try {
    await guest.start()
    return guest
  } catch (cause) {
    const result = await guest.done
    const known = cause instanceof BringupError ? cause.diagnostics : []
    throw new LaunchError(known.length > 0 ? known : result.diagnostics, result, { cause })
  }
}
