/** Saved states of guests, and their forks. */
import { join } from 'node:path'
import { toldFork } from './fork-watch.ts'
import type { Guest } from './guest/guest.ts'
import { saveGuest } from './guest/save-guest.ts'
import { DEFAULT_SIZE, type GuestPool, openPool } from './guest-pool.ts'
import { randomDigits } from './random-name.ts'
import type { RunEvent } from './runs/events.ts'
import { forkRack } from './runs/fork-rack.ts'
import { launchAlone, type Run } from './runs/run.ts'
import { saveRack } from './runs/save-rack.ts'
import { beginState } from './states/open-state.ts'
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

export interface SaveRackOptions {
  /**
   * Frames between guests that were sent and not received when the guests were paused. `keep`: each fork delivers them,
   * with what is left of their delays; needs `ss` of iproute2, and that all guests receive what was sent to them
   * before. Frames that QEMU holds because the card of a guest has no free buffers are dropped all the same: QEMU drops
   * them whenever a guest is paused. `drop`: forks do not get them. The saved rack gets them in both cases. Default: `drop`.
   */
  readonly frames?: 'drop' | 'keep'
}

export interface RackForkOptions extends Pick<ForkOptions, 'uniqueness' | 'signal'> {
  /** Every event of the fork, as it happens. */
  readonly onEvent?: (event: RunEvent) => void
}

/** A saved rack. Disposing of it deletes it from the disk; running forks are not affected. */
export interface SavedRack extends AsyncDisposable {
  /** Its folder, accessible to this user only. */
  readonly folder: string
  /** Bytes on the disk. */
  readonly bytes: number
  /** How many frames were kept. */
  readonly frames: number
  /**
   * Starts the rack from this state, and resolves when all guests run. The fork has private networks and memories of its
   * own, with the addresses of the saved rack: guests of different forks do not reach each other. Commands of the rack's
   * guests are not started again.
   *
   * @throws BringupError STATE_NOT_LOADED, STATE_IS_ANOTHER, and as `launchRack`
   */
  fork(options?: RackForkOptions): Promise<Run>
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
export async function saveState(guest: Guest): Promise<SavedState>

/**
 * Saves a running rack: all guests are paused at one moment, and saved with the memories that they share. Its private
 * networks are part of the state; `frames` says what becomes of frames on the way. A rack with services, host networks,
 * interrupts of shared memories or RDMA multiplexers is refused, and so is one whose networks have faults, partitions or
 * links down that were set while it ran.
 *
 * @throws BringupError RACK_NOT_SAVED, RACK_FRAMES_NOT_KEPT, GUEST_NOT_SAVED
 *
 * @example
 * const node = { machine: { memory: '128M' }, profile: 'linux', nics: ['lan'] }
 * await using rack = await launchRack({ networks: { lan: {} }, guests: { server: node, client: node } })
 * await rack.guests.server?.writeFile('/tmp/seed', 'ready')
 * await using ready = await saveState(rack, { frames: 'keep' })
 * await using fork = await ready.fork()
 * const { exitCode } = (await fork.guests.client?.run(['ping', '-c', '1', 'server'])) ?? {}
 */
export async function saveState(rack: Run, options?: SaveRackOptions): Promise<SavedRack>
export async function saveState(
  target: Guest | Run,
  options: SaveRackOptions = {},
): Promise<SavedState | SavedRack> {
  return 'guests' in target ? saveRackState(target, options) : saveGuestState(target)
}

async function saveGuestState(guest: Guest): Promise<SavedState> {
  const { open, record, plan, facts, profile, stateFolder } = await saveGuest(guest, (folder) => ({
    begin: () => beginState(join(folder, 'states', randomDigits(16))),
    isLasting: false,
  }))
  const planned = (uniqueness: ForkOptions['uniqueness'] = 'own') => ({
    plan: forkOf({ folder: open.path, record, plan, isSame: uniqueness === 'same' }),
    facts,
    profile,
  })
  const fork = async ({ uniqueness, ...options }: ForkOptions = {}) =>
    toldFork(guest, await launchAlone(planned(uniqueness), { stateFolder, ...options }))
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
        onTaken: (taken) => toldFork(guest, taken),
        start: (options) => fork({ ...options, ...(uniqueness === undefined ? {} : { uniqueness }) }),
      }),
    [Symbol.asyncDispose]: async () => open[Symbol.dispose](),
  }
}

async function saveRackState(run: Run, { frames = 'drop' }: SaveRackOptions): Promise<SavedRack> {
  const { open, record, guests } = await saveRack(run, {
    begin: (folder) => beginState(join(folder, 'states', randomDigits(16))),
    isLasting: false,
    frames,
  })
  const stateFolder = guests[0]?.stateFolder ?? ''
  const saved = {
    folder: open.path,
    record,
    plan: run.plan,
    guests: guests.map(({ open: { path }, ...guest }) => ({ ...guest, folder: path })),
  }
  return {
    folder: open.path,
    bytes: record.bytes,
    frames: Object.values(record.frames).flat().length,
    fork: async ({ uniqueness = 'own', ...options } = {}) =>
      toldFork(run, await forkRack(saved, { stateFolder, isSame: uniqueness === 'same', ...options })),
    [Symbol.asyncDispose]: async () => open[Symbol.dispose](),
  }
}

/** Why the state in that folder cannot be used any more. */
function damageOf(folder: string): string | undefined {
  const state = readState(folder)
  return typeof state === 'object' ? undefined : (state ?? 'its folder was deleted')
}
