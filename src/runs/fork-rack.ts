/** Starts a rack from its saved state. */
import { join } from 'node:path'
import type { SavedFrom } from '../guest/guest.ts'
import type { RunPlan } from '../plan/run-plan.ts'
import type { PlannedRun } from '../project/run-planning.ts'
import { forkOf } from '../states/origin.ts'
import type { RackRecord } from '../states/rack-record.ts'
import type { StateRecord } from '../states/record.ts'
import type { RestoredResources } from './resources.ts'
import { type Run, type RunOptions, startRun, untilStarted } from './run.ts'

/** A saved rack, and what its forks are made of. */
export interface SavedRackParts {
  readonly folder: string
  readonly record: RackRecord
  /** Of the rack that was saved. */
  readonly plan: RunPlan
  /** In the order of the plan. */
  readonly guests: readonly (Pick<SavedFrom, 'plan' | 'facts' | 'profile'> & {
    readonly folder: string
    readonly record: StateRecord
  })[]
}

/** The plan of a fork: every guest continues, so none waits for another one, and none has a command yet. */
export function plannedFork({ plan, guests }: SavedRackParts, isSame: boolean): PlannedRun {
  const forked = guests.map(({ folder, record, plan: saved, facts, profile }) => ({
    plan: { ...forkOf({ folder, record, plan: saved, isSame }), after: [], command: [] },
    facts,
    profile,
  }))
  return { plan: { ...plan, guests: forked.map((one) => one.plan), pending: [] }, guests: forked }
}

/** Content of networks and memories of the saved rack. */
function restoredOf({ folder, record: { frames, memories } }: SavedRackParts): RestoredResources {
  return {
    frames: Object.fromEntries(
      Object.entries(frames).map(([network, kept]) => [
        network,
        kept.map(({ to, from, afterMs, bytes }) => ({
          to,
          ...(from === undefined ? {} : { from }),
          afterMs,
          bytes: Buffer.from(bytes, 'base64'),
        })),
      ]),
    ),
    memories: Object.fromEntries(memories.map(({ resource, name }) => [resource, join(folder, name)])),
  }
}

/**
 * Starts a fork by its plan, and returns at once. Its guests begin to run when the states of all are loaded and all are
 * connected, so that no frame meets a guest that is missing.
 */
export function startFork(
  saved: SavedRackParts,
  planned: PlannedRun,
  options: Omit<RunOptions, 'held' | 'onHeld' | 'restored'>,
): Run {
  let missing = planned.guests.length
  let letRun = () => {}
  const held = new Promise<void>((resolve) => {
    letRun = resolve
  })
  const onHeld = () => {
    missing -= 1
    if (missing === 0) letRun()
  }
  return startRun(planned, { ...options, restored: restoredOf(saved), held, onHeld })
}

/**
 * Starts a fork. Resolves when all of its guests run.
 *
 * @throws BringupError STATE_NOT_LOADED, STATE_IS_ANOTHER, and as `startRun`; nothing is left running
 */
export function forkRack(
  saved: SavedRackParts,
  { isSame, ...options }: Parameters<typeof startFork>[2] & { readonly isSame: boolean },
): Promise<Run> {
  return untilStarted(startFork(saved, plannedFork(saved, isSame), options))
}
