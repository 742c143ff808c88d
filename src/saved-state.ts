/** Saved states of guests, and the guests that go on from them. */
import { join } from 'node:path'
import type { Guest } from './guest/guest.ts'
import { randomDigits } from './random-name.ts'
import { launchAlone } from './runs/run.ts'
import { forkOf } from './states/origin.ts'

export interface ForkOptions {
  /**
   * `own`: the fork has the time of this computer, and random numbers that no other fork has. `same`: it has the clock and
   * the random numbers of the moment at which the guest was saved, as every other fork with `same` has. Default: `own`.
   */
  readonly uniqueness?: 'own' | 'same'
  /** Aborting ends the fork; the verdict is then `interrupted`. */
  readonly signal?: AbortSignal
  readonly onConsole?: (chunk: Buffer) => void
}

/** A moment of a guest. Disposing of it takes it away from the disk; forks that run go on. */
export interface SavedState extends AsyncDisposable {
  /** Where it lies. It is this user’s own. */
  readonly folder: string
  /** What it takes on the disk, in bytes. */
  readonly bytes: number
  /**
   * A guest of its own that goes on from this moment. RAM, NVDIMMs and other stores are private: what is written to them
   * ends with the fork. It shares pages that it only reads with the other forks.
   *
   * @throws BringupError STATE_NOT_LOADED, STATE_IS_ANOTHER, and as `launch`
   */
  fork(options?: ForkOptions): Promise<Guest>
}

/**
 * Saves a guest as it is at this moment. The guest stands still for some tens of milliseconds and goes on.
 *
 * A guest that was launched with `origin: 'state'` is saved fastest, and its forks start fastest: its RAM is a file that
 * they map. RAM of other guests is written to the state and read back.
 *
 * @throws BringupError GUEST_NOT_SAVED: a command runs in it, a folder is mounted, or a device cannot be saved
 *
 * @example
 * await using guest = await launch({}, { profile: 'linux', origin: 'state' })
 * await guest.writeFile('/tmp/seed', 'ready')
 * await using ready = await saveState(guest)
 * await using fork = await ready.fork()
 * const { stdout } = await fork.run(['cat', '/tmp/seed'])
 */
export async function saveState(guest: Guest): Promise<SavedState> {
  const { open, record, plan, facts, profile, stateFolder } = await guest.qemu.save((folder) =>
    join(folder, 'states', randomDigits(16)),
  )
  const fork = ({ uniqueness = 'own', ...options }: ForkOptions = {}) =>
    launchAlone(
      { plan: forkOf({ folder: open.path, record, plan, isSame: uniqueness === 'same' }), facts, profile },
      { stateFolder, ...options },
    )
  return {
    folder: open.path,
    bytes: record.bytes,
    fork,
    [Symbol.asyncDispose]: async () => open[Symbol.dispose](),
  }
}
