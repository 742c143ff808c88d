/** Saves a guest when its owner calls `saveState`. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { inTurn } from '../in-turn.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { drivesOf, foldersOf } from '../states/disk-chain.ts'
import type { OpenState } from '../states/open-state.ts'
import { baseOf, type JoinObstacle, obstaclesIn } from '../states/origin.ts'
import type { StateRecord } from '../states/record.ts'
import { beginCopy, type Copied } from '../states/save.ts'
import { seal } from '../states/seal.ts'
import { mappedFiles, ramBlocks, sharedFiles } from '../states/state-args.ts'
import type { Guest, SavedGuest } from './guest.ts'
import { aboutOf, discarding, memoryFilesOf } from './origin.ts'
import type { Shell } from './shell.ts'

export const problems = defineDiagnostics({
  GUEST_NOT_SAVED: {
    title: 'A guest could not be saved.',
    why: 'every device must support it, and the guest must be idle',
    remedy:
      'save it while no command runs and no host folder is mounted, on a machine whose devices support saved states; or boot a guest for each test',
    source:
      'docs/devel/migration.rst; QEMU: "Migration is disabled when VirtFS export path … is mounted in the guest"',
  },
})

/** A new state. Deleted when disposed of or when this process dies, unless it was kept. */
export interface FreshState {
  readonly open: OpenState
  readonly record: StateRecord
}

interface Saved {
  readonly plan: GuestPlan
  readonly qemu: Pick<QemuProcess, 'qmp' | 'pid'>
  readonly shell: Shell | undefined
  readonly printed: () => Buffer | undefined
  /** The stream that it was restored from, if it was not reset since. */
  readonly stream: string | undefined
  /** Devices were plugged or unplugged while it ran. */
  readonly hasOtherDevices: boolean
}

/** Where a state is made. */
export interface SavePlace {
  /** Called when the guest can be saved. */
  begin(): OpenState
  /** It stays after its process. */
  readonly isLasting: boolean
  /** Of the state. Default: none. */
  readonly key?: string
  /** Which resources of the run are saved as well. Default: none. */
  readonly ofJoin?: JoinObstacle
}

/** A guest that is being saved. Disposing of it deletes what was copied, unless it was sealed. */
export interface GuestSave extends Disposable {
  pause(): Promise<void>
  /** Copies the paused guest. */
  copy(): Promise<void>
  resume(): Promise<void>
  /** Completes the state. */
  seal(): Promise<FreshState>
}

/**
 * Copies what can be copied while the guest runs. All that it returns throws as it does itself.
 *
 * @throws BringupError GUEST_NOT_SAVED, SHELL_ENDED
 */
export async function beginSave(
  { plan, qemu, shell, printed, stream, hasOtherDevices }: Saved,
  { begin, isLasting, key = '', ofJoin }: SavePlace,
): Promise<GuestSave> {
  const because = (why: string) => problems.GUEST_NOT_SAVED.at('', `guest "${plan.guest}": ${why}`)
  const notSaved = (why: string, cause?: unknown) => new BringupError([because(why)], { cause })
  const obstacles = obstaclesIn(plan, ofJoin)
  if (obstacles.length > 0) throw new BringupError(obstacles.map(because))
  if (hasOtherDevices) throw notSaved('devices were plugged or unplugged while it ran')
  // Without an agent, the caller decides when the guest is ready, for example by a text of its console.
  const boot = shell ? await shell.boot() : { id: '', resumed: 0 }
  if (shell && !shell.isIdle) throw notSaved('a command is running in it')
  const open = begin()
  const content = {
    blocks: memoryFilesOf(plan),
    sharedFiles: sharedFiles(plan.args),
    folders: foldersOf(plan.args),
    stores: plan.stores,
    windows: plan.joins.flatMap(({ kind, id }) => (kind === 'memory' ? id : [])),
    drives: drivesOf(plan.args),
    restoredFrom: plan.origin?.state?.folder,
    printed,
    ...(stream === undefined
      ? {}
      : {
          restored: {
            blocks: ramBlocks(baseOf(plan)),
            files: mappedFiles(plan.args),
            sharedFiles: sharedFiles(plan.args),
            stream,
          },
        }),
  }
  const about = { ...aboutOf(plan, boot), key, parts: {}, moment: 'saveState' }
  const refused = (error: unknown) =>
    discarding(open)(notSaved(error instanceof Error ? error.message : `${error}`, error))
  const guest = await beginCopy(qemu, content, open).catch(refused)
  let copied: Copied | undefined
  return {
    pause: () => guest.pause().catch(refused),
    async copy() {
      copied = await guest.copy().catch(refused)
    },
    resume: () => guest.resume().catch(refused),
    async seal() {
      if (copied === undefined) throw new Error('the guest was not copied')
      return { open, record: await seal(open, copied, { about, isLasting }).catch(refused) }
    },
    [Symbol.dispose]: () => open[Symbol.dispose](),
  }
}

/**
 * Saves one guest.
 *
 * @throws BringupError GUEST_NOT_SAVED, SHELL_ENDED
 */
export function saveGuest(guest: Guest, placeOf: (stateFolder: string) => SavePlace): Promise<SavedGuest> {
  // Another one would resume it while it is copied.
  return inTurn([guest], async () => {
    const { save, ...around } = await guest.qemu.save(placeOf)
    await save.pause()
    try {
      await save.copy()
    } finally {
      await save.resume()
    }
    return { ...(await save.seal()), ...around }
  })
}
