/** Acts on the plan of a guest: files, QEMU, pins, `cont`. From there on the guest runs: see `running-guest.ts`. */
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { OWN_FILE } from '../own-files.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { QEMU_LOG, runArgs, usesAction } from '../plan/run-args.ts'
import { type JoinEnd, startQemu } from '../qemu/process.ts'
import { createFiles } from './host-files.ts'
import type { GuestOptions } from './options.ts'
import { type GuestFolder, type GuestResult, recordArgv } from './record.ts'
import { RunningGuest } from './running-guest.ts'

export interface GuestLaunch extends GuestOptions {
  /** Where its record is kept; the folder exists. */
  readonly folder: GuestFolder
  /** Its ends of connections to resources of the run, by the ids of its joins. */
  readonly joins?: ReadonlyMap<string, JoinEnd>
}

/** The machine did not start. The record of the run is written all the same, and its result is here. */
export class LaunchError extends BringupError {
  readonly result: GuestResult

  constructor(diagnostics: readonly Diagnostic[], result: GuestResult, options?: ErrorOptions) {
    super(diagnostics, options)
    this.result = result
  }
}

/**
 * Starts the machine of a plan that has no errors, and resolves when the guest runs.
 *
 * @throws BringupError when a file could not be made: nothing is started then.
 * @throws LaunchError with what went wrong before the guest began to run.
 */
export async function launchGuest(plan: GuestPlan, launch: GuestLaunch): Promise<RunningGuest> {
  createFiles(plan.files)
  const onReset = launch.allowReboot ? 'reboot' : plan.judgement.onReset
  const hasAction = usesAction(plan.args)
  const own = runArgs(plan.machine, onReset, { runFolder: launch.folder.path, hasAction })
  const folder = { ...launch.folder, qemuLog: own.qemuLog }
  const log = own.isInherited ? openSync(own.qemuLog, 'a', OWN_FILE) : undefined
  const joins = new Map([...(launch.joins ?? []), ...(log === undefined ? [] : [[QEMU_LOG, log] as const])])
  const planned = runArgs(plan.machine, plan.judgement.onReset, { hasAction }).args.length
  const qemu = await startQemu({
    plan: { ...plan, args: [...plan.args.slice(0, -planned), ...own.args] },
    onArgv: (argv) => recordArgv(folder, argv),
    qmpLogPath: folder.qmpLog,
    stderrPath: join(folder.path, 'stderr.log'),
    ...(joins.size > 0 ? { joins } : {}),
  }).finally(() => log !== undefined && closeSync(log))
  const guest = new RunningGuest(plan, launch, folder, qemu)
  try {
    await guest.start()
    return guest
  } catch (cause) {
    const result = await guest.done
    const known = cause instanceof BringupError ? cause.diagnostics : []
    throw new LaunchError(known.length > 0 ? known : result.diagnostics, result, { cause })
  }
}
