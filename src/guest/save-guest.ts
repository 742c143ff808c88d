/** Saves a guest when its owner calls `saveState`. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { drivesOf, foldersOf } from '../states/disk-chain.ts'
import { baseOf, obstacleOf } from '../states/origin.ts'
import type { StateRecord } from '../states/record.ts'
import { beginState, copyGuest, type OpenState, seal } from '../states/save.ts'
import { mappedFiles, ramBlocks, sharedFiles } from '../states/state-args.ts'
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
  /** Does not exist yet. */
  readonly folder: string
  /** It stays after its process. */
  readonly isLasting: boolean
}

/**
 * @throws BringupError GUEST_NOT_SAVED, SHELL_ENDED
 */
export async function saveGuest(
  { plan, qemu, shell, printed, stream, hasOtherDevices }: Saved,
  { folder, isLasting }: SavePlace,
): Promise<FreshState> {
  const obstacle = obstacleOf(plan)
  if (obstacle !== undefined) throw notSaved(obstacle)
  if (hasOtherDevices) throw notSaved('devices were plugged or unplugged while it ran')
  // Without an agent, the caller decides when the guest is ready, for example by a text of its console.
  const boot = shell ? await shell.boot() : { id: '', resumed: 0 }
  if (shell && !shell.isIdle) throw notSaved('a command is running in it')
  const open = beginState(folder)
  const content = {
    blocks: memoryFilesOf(plan),
    sharedFiles: sharedFiles(plan.args),
    folders: foldersOf(plan.args),
    stores: plan.stores,
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
  const about = { ...aboutOf(plan, boot), key: '', parts: {}, moment: 'saveState' }
  try {
    const copied = await copyGuest(qemu, content, open)
    return { open, record: await seal(open, copied, { about, isLasting }) }
  } catch (error) {
    return discarding(open)(notSaved(error instanceof Error ? error.message : `${error}`, error))
  }
}

const notSaved = (why: string, cause?: unknown) =>
  new BringupError([problems.GUEST_NOT_SAVED.at('', why)], { cause })
