/** Saved states of guests, and their forks. */
import { join } from 'node:path'
import type { Guest } from './guest/guest.ts'
import { DEFAULT_SIZE, type GuestPool, openPool } from './guest-pool.ts'
import { randomDigits } from './random-name.ts'
import { launchAlone } from './runs/run.ts'
import { forkOf } from './states/origin.ts'
import { readState } from './states/record.ts'
import { zBytes } from './units.ts'

export interface ForkOptions {
  /**
   * `own`: the clock is set to the time of the host, and the random numbers are reseeded. `same`: both are those of the saved
   * guest, equal in all forks with `same`. Default: `own`. Guests without a command channel always keep both.
   */
  readonly uniqueness?: 'own' | 'same'
  /** Aborting ends the fork; the verdict is then `interrupted`. */
  readonly signal?: AbortSignal
  readonly onConsole?: (chunk: Buffer) => void
}

/** A saved guest. Disposing of it deletes it from the disk; running forks are not affected. */
export interface SavedState extends AsyncDisposable {
  /** Its folder, accessible to this user only. */
  readonly folder: string
  /** Bytes on the disk. */
  readonly bytes: number
  /**
   * Starts a guest from this state. RAM, NVDIMMs and other stores are private: writes are lost when the fork ends. Pages
   * that are only read are shared with other forks.
   *
   * @throws BringupError STATE_NOT_LOADED, STATE_IS_ANOTHER, and as `launch`
   */
  fork(options?: ForkOptions): Promise<Guest>
  /**
   * Starts forks in advance: QEMU runs and the state is loaded, so a fork only has to begin. Forks that were taken are
   * replaced in the background, after they have answered. If memory is short, none are started in advance. Processes that
   * wait end with this process, also after SIGKILL.
   *
   * @example
   * await using pool = ready.pool({ size: 4 })
   * await using fork = await pool.fork()
   */
  pool(options?: PoolOptions): GuestPool
}

export interface PoolOptions {
  /** Most guests that wait. Default: the number of CPUs of this computer. */
  readonly size?: number
  /** Most RAM of all guests that wait, such as `4G`. Default: half of the memory that is available. */
  readonly memory?: string | number
  /** As for `fork`. */
  readonly uniqueness?: ForkOptions['uniqueness']
}

/**
 * Saves a running guest, which is paused for some tens of milliseconds. A kernel without a command channel is saved as it is:
 * wait for a text of its console first.
 *
 * Launch the guest with `origin: 'state'` for the fastest forks: they map its RAM. The RAM of other guests is copied
 * through QEMU's migration stream.
 *
 * @throws BringupError GUEST_NOT_SAVED: a command is running, a host folder is mounted, or a device cannot be saved
 *
 * @example
 * await using guest = await launch({}, { profile: 'linux', origin: 'state' })
 * await guest.writeFile('/tmp/seed', 'ready')
 * await using ready = await saveState(guest)
 * await using fork = await ready.fork()
 * const { stdout } = await fork.run(['cat', '/tmp/seed'])
 */
export async function saveState(guest: Guest): Promise<SavedState> {
  const { open, record, plan, facts, profile, stateFolder } = await guest.qemu.save((folder) => ({
    folder: join(folder, 'states', randomDigits(16)),
    isLasting: false,
  }))
  const planned = (uniqueness: ForkOptions['uniqueness'] = 'own') => ({
    plan: forkOf({ folder: open.path, record, plan, isSame: uniqueness === 'same' }),
    facts,
    profile,
  })
  const fork = ({ uniqueness, ...options }: ForkOptions = {}) =>
    launchAlone(planned(uniqueness), { stateFolder, ...options })
  return {
    folder: open.path,
    bytes: record.bytes,
    fork,
    pool: ({ size = DEFAULT_SIZE, memory, uniqueness }: PoolOptions = {}) =>
      openPool({
        planned: planned(uniqueness),
        stateFolder,
        size,
        memoryBytes: memory === undefined ? undefined : zBytes.parse(memory),
        damage: () => damageOf(open.path),
        start: (options) => fork({ ...options, ...(uniqueness === undefined ? {} : { uniqueness }) }),
      }),
    [Symbol.asyncDispose]: async () => open[Symbol.dispose](),
  }
}

/** Why the state in that folder cannot be used any more. */
function damageOf(folder: string): string | undefined {
  const state = readState(folder)
  return typeof state === 'object' ? undefined : (state ?? 'its folder was deleted')
}
