/** What differs for guests that are saved or restored. */
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { viewOf } from '../machine/machine.ts'
import type { GuestPlan, StatePlace } from '../plan/plan.ts'
import { plural } from '../plural.ts'
import { startPatience } from '../qemu/patience.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { QmpEnded } from '../qemu/qmp.ts'
import { drivesOf, foldersOf } from '../states/disk-chain.ts'
import { noteUse, pruneStates } from '../states/kept.ts'
import { loadState } from '../states/migration.ts'
import { beginState, type OpenState } from '../states/open-state.ts'
import { FILES, readState } from '../states/record.ts'
import { copyGuest } from '../states/save.ts'
import { type About, seal } from '../states/seal.ts'
import { type RamBlock, ramBlocks, sharedFiles, withBackends } from '../states/state-args.ts'
import type { Timer } from '../timer.ts'
import { type Boot, type Resume, WILL_BE_SAVED } from './shell.ts'

export const problems = defineDiagnostics({
  STATE_NOT_SAVED: {
    severity: 'note',
    title: 'A guest was not saved at its first answer.',
    why: 'later runs of this machine boot again, which takes longer; their results are the same',
    remedy: 'remove what prevents it, or use --fresh to boot without saving',
  },
  STATE_NOT_LOADED: {
    title: 'QEMU could not load a saved state.',
    why: 'a state fits only the QEMU and the machine that it was saved with, and needs all of its files',
    remedy: 'save the guest again; the message of QEMU is below',
  },
  STATE_IS_ANOTHER: {
    title: 'A restored guest is not the one that was saved.',
    why: 'its agent reports another boot, or another number of restores, than the record of the state',
    remedy: 'run with --fresh to boot, and remove the state: `bringup state prune --keep 0`',
  },
})

/** Id of the descriptor of the file of the devices, which QEMU inherits. */
const STATE_FD = 'state'

/** Most time for QEMU to load a state, which takes some ten milliseconds. */
const LOAD_MS = 30_000

/** Bytes of entropy: 256 bits, the size of the kernel's pool (random(4)). */
const ENTROPY = 32

/** The work of one guest, from before QEMU starts to after it has ended. */
export interface OriginWork {
  /** Descriptors for QEMU to inherit, which are closed once it has. */
  readonly descriptors: ReadonlyMap<string, number>
  /** Path of the stream that the guest is restored from, which may have been deleted. Undefined if it boots. */
  readonly stream: string | undefined
  /** What the guest had printed when it was saved. Undefined if it boots. */
  readonly printed: Buffer | undefined
  /**
   * Called at the first answer of the agent, before anything else runs in the guest.
   *
   * @param printed what it has printed; undefined if it is not to be saved
   */
  readonly greet: ((resume: Resume, printed: () => Buffer | undefined) => Promise<void>) | undefined
  /** Why the guest was not saved, after `end`. */
  remarks(): readonly Diagnostic[]
  /** Waits for what is still being written. */
  end(): Promise<void>
}

export const isRestored = ({ origin }: Pick<GuestPlan, 'origin'>): boolean => origin?.kind === 'state'

export function openOrigin(plan: GuestPlan, qemu: () => QemuProcess): OriginWork {
  const { state, saves } = plan.origin ?? {}
  if (state) return goingOn(state)
  const boots = { descriptors: new Map(), stream: undefined, printed: undefined }
  if (!saves) return { ...boots, greet: undefined, remarks: () => [], end: async () => {} }
  let saved: Promise<unknown> = Promise.resolve()
  let failure: unknown
  const fail = (error: unknown) => {
    failure = error
  }
  return {
    ...boots,
    // Without a state, the next guest boots too.
    async greet(resume, printed) {
      try {
        if (printed() === undefined) return
        const open = beginState(saves.folder, saves.key)
        const boot = await resume(Buffer.alloc(WILL_BE_SAVED))
        const about = {
          ...aboutOf(plan, boot),
          key: saves.key,
          parts: saves.parts,
          moment: 'its first answer',
        }
        const content = {
          blocks: memoryFilesOf(plan),
          sharedFiles: sharedFiles(plan.args),
          folders: foldersOf(plan.args),
          stores: [],
          windows: [],
          drives: drivesOf(plan.args),
          restoredFrom: undefined,
          printed,
        }
        const copied = await copyGuest(qemu(), content, open).catch(discarding(open))
        // Flushed while the guest runs.
        saved = seal(open, copied, { about, isLasting: true })
          .then(() => open.keep())
          .then(() => pruneStates(dirname(saves.folder)))
          .catch(fail)
          .finally(() => open[Symbol.dispose]())
      } catch (error) {
        fail(error)
      }
    },
    remarks: () =>
      failure === undefined
        ? []
        : [problems.STATE_NOT_SAVED.at('', whyNotSaved(failure, dirname(saves.folder)))],
    end: async () => void (await saved),
  }
}

function whyNotSaved(error: unknown, folder: string): string {
  const why = error instanceof Error ? error.message : `${error}`
  return /no space left|quota exceeded/i.test(why) ? `no space is left in ${folder}` : why
}

export function discarding(open: OpenState): (error: unknown) => never {
  return (error) => {
    open[Symbol.dispose]()
    throw error
  }
}

/** RAM blocks in memory files: those of a guest started with `origin: 'state'`. */
export function memoryFilesOf({ machine, name, origin }: GuestPlan): readonly RamBlock[] {
  if (!origin?.saves || !origin.otherwise) return []
  return ramBlocks(withBackends(origin.otherwise.args, viewOf(name, machine).ramBytes))
}

export function aboutOf(
  { name, profile, qemu }: GuestPlan,
  { id, resumed }: Boot,
): Omit<About, 'key' | 'parts' | 'moment'> {
  const { path, version } = qemu
  return { machine: name, profile, qemu: { path, version }, boot: id, resumed }
}

function goingOn({ key, folder, isSame = false }: StatePlace): OriginWork {
  const record = readState(folder, key)
  const printed = readFileSync(join(folder, FILES.console))
  const fd = openSync(join(folder, FILES.devices), 'r')
  noteUse(folder)
  return {
    descriptors: new Map([[STATE_FD, fd]]),
    stream: `/proc/self/fd/${fd}`,
    printed,
    async greet(resume) {
      const boot = await resume(isSame ? Buffer.alloc(1) : Buffer.concat([timeOfNow(), randomBytes(ENTROPY)]))
      // The first time was late by as long as QEMU took to translate the code for it.
      if (!isSame) await resume(timeOfNow())
      const isThat =
        typeof record === 'object' && boot.id === record.boot && boot.resumed === record.resumed + 1
      if (!isThat) throw new BringupError([problems.STATE_IS_ANOTHER.at('', differenceOf(boot))])
    },
    remarks: () => [],
    end: async () => closeSync(fd),
  }
}

const differenceOf = ({ id, resumed }: Boot) =>
  `the agent reports boot ${id}, restored ${plural(resumed, 'time')}`

/** Time of the host, in the format of the agent. */
export function timeOfNow(): Buffer {
  const now = Date.now()
  const time = Buffer.alloc(16)
  time.writeBigUInt64LE(BigInt(Math.floor(now / 1000)), 0)
  time.writeBigUInt64LE(BigInt(now % 1000) * 1_000_000n, 8)
  return time
}

/** QEMU refused a state, which is of no use then. */
export class NotLoaded extends Error {}

/**
 * Loads the state into a paused QEMU.
 *
 * @throws NotLoaded with the message of QEMU; BringupError and others if QEMU did not start or was ended by another process
 */
export async function load(qemu: QemuProcess): Promise<void> {
  const fd = qemu.inherited.get(STATE_FD)
  if (fd === undefined) throw new Error('QEMU has no descriptor of the state')
  const loaded = loadState(qemu, fd)
  // Why QEMU did not start is known better by `ready`.
  loaded.catch(() => {})
  await qemu.ready
  let late: Timer | undefined
  const silence = new Promise<never>((_, reject) => {
    const patience = { group: qemu.pid, withinMs: LOAD_MS, mostMs: 4 * LOAD_MS }
    late = startPatience(patience, () => reject(new NotLoaded('QEMU did not load the state in time')))
  })
  try {
    await Promise.race([loaded, silence])
  } catch (error) {
    throw await reasonOf(error as Error, qemu)
  } finally {
    late?.clear()
  }
}

/** Signals by which users and the system end a process. */
const ENDED_BY_OTHERS: readonly unknown[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP']

async function reasonOf(error: Error, { exited }: Pick<QemuProcess, 'exited'>): Promise<Error> {
  if (error instanceof NotLoaded) return error
  if (!(error instanceof QmpEnded && error.isGone)) return new NotLoaded(error.message, { cause: error })
  const { signal, stderr } = await exited
  return ENDED_BY_OTHERS.includes(signal)
    ? new Error(`QEMU was ended by ${signal}`)
    : new NotLoaded(stderr.trim() || error.message)
}

/**
 * The plan of the same guest booted, because its state was not loaded. Deletes a state that QEMU refused.
 *
 * @throws BringupError STATE_NOT_LOADED for forks, which a boot cannot replace
 */
export function bootInstead(plan: GuestPlan, cause: unknown): GuestPlan {
  const { origin } = plan
  if (!origin?.state) return plan
  const why = cause instanceof Error ? cause.message : `${cause}`
  if (!origin.otherwise) {
    if (cause instanceof BringupError) throw cause
    throw new BringupError([
      problems.STATE_NOT_LOADED.at('', `QEMU did not load ${origin.state.folder}`, { evidence: [why] }),
    ])
  }
  if (cause instanceof NotLoaded) rmSync(origin.state.folder, { recursive: true, force: true })
  const because = `the saved state could not be loaded: ${why}`
  return { ...plan, ...origin.otherwise, origin: { kind: 'boot', because } }
}
