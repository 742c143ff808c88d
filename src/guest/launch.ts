/** Acts on the plan of a guest: files, QEMU, pins, `cont`. From there on the guest runs: see `running-guest.ts`. */
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { OWN_FILE } from '../own-files.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { QEMU_LOG, runArgs, usesAction } from '../plan/run-args.ts'
import { cacheFolder } from '../project/cache-folder.ts'
import { type JoinEnd, type QemuProcess, startQemu } from '../qemu/process.ts'
import { readState } from '../states/record.ts'
import { usedStore } from '../states/store-content.ts'
import { createFiles } from './host-files.ts'
import type { GuestOptions } from './options.ts'
import { bootInstead, isRestored, load, NotLoaded, type OriginWork, openOrigin } from './origin.ts'
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
  const { qemu, folder, origin, planned } = isRestored(plan)
    ? await startFromState(plan, launch)
    : await startPlanned(plan, launch)
  const guest = new RunningGuest(planned, launch, { folder, qemu, origin })
  try {
    await guest.start()
    return guest
  } catch (cause) {
    const result = await guest.done
    const known = cause instanceof BringupError ? cause.diagnostics : []
    throw new LaunchError(known.length > 0 ? known : result.diagnostics, result, { cause })
  }
}

/** A QEMU whose guest is not running yet. */
interface Started {
  readonly planned: GuestPlan
  readonly qemu: QemuProcess
  readonly folder: GuestFolder
  readonly origin: OriginWork
}

/** QEMU with the state loaded, or the same guest booted if that fails. */
async function startFromState(plan: GuestPlan, launch: GuestLaunch): Promise<Started> {
  let started: Started | undefined
  try {
    started = await startPlanned(plan, launch)
    const loaded = load(started.qemu)
    loaded.catch(() => {})
    // A QEMU that greets holds its locks. It makes the machine now, which takes longer than the check.
    const changed = await started.qemu.qmp.greeted.then(
      () => changedSince(plan),
      () => undefined,
    )
    await loaded
    if (changed === undefined) return started
    // A fork has nothing else to start from.
    throw plan.origin?.otherwise ? new Error(changed) : new NotLoaded(changed)
  } catch (cause) {
    started?.qemu.kill()
    await started?.qemu.exited
    // A fork cannot boot instead. Its QEMU did not start: `RunningGuest.start` reports why, and the record has it.
    if (started && !(cause instanceof NotLoaded) && !plan.origin?.otherwise) return started
    await started?.origin.end()
    return startPlanned(bootInstead(plan, cause), launch)
  }
}

/** What other processes changed between the plan and the locks that QEMU holds by now, as a clause. */
function changedSince({ stores, origin }: GuestPlan): string | undefined {
  const { folder = '', key } = origin?.state ?? {}
  const state = readState(folder, key)
  return typeof state === 'object' ? usedStore(stores) : (state ?? 'its folder was deleted')
}

async function startPlanned(planned: GuestPlan, launch: GuestLaunch): Promise<Started> {
  const onReset = launch.allowReboot ? 'reboot' : planned.judgement.onReset
  const hasAction = usesAction(planned.args)
  const own = runArgs(planned.machine, onReset, { runFolder: launch.folder.path, hasAction })
  const folder = { ...launch.folder, qemuLog: own.qemuLog }
  const log = own.isInherited ? openSync(own.qemuLog, 'a', OWN_FILE) : undefined
  // QEMU keeps the mode of a file that is there. A file of the user's own is the user's.
  if (own.qemuLog === launch.folder.qemuLog) writeFileSync(own.qemuLog, '', { flag: 'a', mode: OWN_FILE })
  const origin = openOrigin(planned, () => qemu)
  const joins = new Map<string, JoinEnd>([
    ...(launch.joins ?? []),
    ...origin.descriptors,
    ...(log === undefined ? [] : [[QEMU_LOG, log] as const]),
  ])
  const ownWords = runArgs(planned.machine, planned.judgement.onReset, { hasAction }).args.length
  const qemu: QemuProcess = await startQemu({
    plan: { ...planned, args: [...planned.args.slice(0, -ownWords), ...own.args] },
    onArgv: (argv) => recordArgv(folder, argv),
    qmpLogPath: folder.qmpLog,
    stderrPath: join(folder.path, 'stderr.log'),
    consolePipes: join(cacheFolder(), 'pipes'),
    ...(joins.size > 0 ? { joins } : {}),
  })
    .catch(async (error: unknown) => {
      await origin.end()
      throw error
    })
    .finally(() => log !== undefined && closeSync(log))
  return { planned, qemu, folder, origin }
}
