/** What a guest that is saved, or that goes on from a saved state, does otherwise than one that boots. */
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { viewOf } from '../machine/machine.ts'
import type { GuestPlan, StatePlace } from '../plan/plan.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { noteUse, pruneStates } from '../states/kept.ts'
import { migrate } from '../states/migration.ts'
import { FILES, readState } from '../states/record.ts'
import { type About, beginState, copyGuest, type OpenState, seal } from '../states/save.ts'
import { type RamBlock, ramBlocks, withBackends } from '../states/state-args.ts'
import type { Boot, Resume } from './shell.ts'

export const problems = defineDiagnostics({
  STATE_NOT_LOADED: {
    title: 'QEMU could not go on from a saved state.',
    why: 'the state fits only the QEMU and the machine that it was saved with, and needs all of its files',
    remedy: 'save it again; the words of QEMU are below',
  },
  STATE_IS_ANOTHER: {
    title: 'A guest that was to go on from a saved state is another boot.',
    why: 'what it is asked would not be answered by the guest that was saved',
    remedy: 'run with --fresh, which boots, and remove the state: `bringup state rm`',
  },
})

/** Id of the descriptor of the file of the devices, which QEMU inherits. */
const STATE_FD = 'state'

/** How long QEMU may take to load a state; it takes some ten milliseconds. */
const LOAD_MS = 30_000

/** Bytes of entropy: as many as the kernel's own pool has (random(4)). */
const ENTROPY = 32

/** The work of one guest, from before QEMU starts to after it has ended. */
export interface OriginWork {
  /** Descriptors for QEMU to inherit, which are closed once it has. */
  readonly descriptors: ReadonlyMap<string, number>
  /** Called when the agent answers for the first time, before anything else runs in the guest. */
  readonly greet: ((resume: Resume) => Promise<void>) | undefined
  /** Ends what is left to do. */
  end(): Promise<void>
}

export const isRestored = ({ origin }: Pick<GuestPlan, 'origin'>): boolean => origin?.kind === 'state'

/** @param consoleLog what the guest has said until it is saved is kept with the state */
export function openOrigin(
  plan: GuestPlan,
  { consoleLog, qemu }: { readonly consoleLog: string; readonly qemu: () => QemuProcess },
): OriginWork {
  const { state, saves } = plan.origin ?? {}
  if (state) return goingOn(state)
  if (!saves) return { descriptors: new Map(), greet: undefined, end: async () => {} }
  let saved: Promise<unknown> = Promise.resolve()
  return {
    descriptors: new Map(),
    // A state that cannot be written costs nothing but a boot.
    async greet(resume) {
      try {
        const open = beginState(saves.folder)
        const boot = await resume(Buffer.alloc(0))
        const about = { ...aboutOf(plan, boot), key: saves.key, moment: 'its first answer' }
        const content = { blocks: memoryFilesOf(plan), stores: [] }
        await copyGuest(qemu(), content, open).catch(discarding(open))
        // The guest goes on meanwhile.
        saved = seal(open, content, { about, consoleLog })
          .then(() => open.keep())
          .then(() => pruneStates(dirname(saves.folder)))
          .catch(() => {})
          .finally(() => open[Symbol.dispose]())
      } catch {
        // It boots the next time too.
      }
    },
    end: async () => void (await saved),
  }
}

export function discarding(open: OpenState): (error: unknown) => never {
  return (error) => {
    open[Symbol.dispose]()
    throw error
  }
}

/** Blocks of RAM that are in memory files: those of a guest that was started to be saved. */
export function memoryFilesOf({ machine, name, origin }: GuestPlan): readonly RamBlock[] {
  if (!origin?.saves || !origin.otherwise) return []
  return ramBlocks(withBackends(origin.otherwise.args, viewOf(name, machine).ramBytes))
}

export function aboutOf(
  { name, profile, qemu }: GuestPlan,
  { id, resumed }: Boot,
): Omit<About, 'key' | 'moment'> {
  const { path, version } = qemu
  return { machine: name, profile, qemu: { path, version }, boot: id, resumed }
}

function goingOn({ folder, isSame = false }: StatePlace): OriginWork {
  const fd = openSync(join(folder, FILES.devices), 'r')
  const record = readState(folder)
  noteUse(folder)
  return {
    descriptors: new Map([[STATE_FD, fd]]),
    async greet(resume) {
      const boot = await resume(isSame ? Buffer.alloc(1) : momentOfNow())
      const isThat =
        typeof record === 'object' && boot.id === record.boot && boot.resumed === record.resumed + 1
      if (!isThat) throw new BringupError([problems.STATE_IS_ANOTHER.at('', differenceOf(boot))])
    },
    end: async () => closeSync(fd),
  }
}

const differenceOf = ({ id, resumed }: Boot) =>
  `the guest says that it is boot ${id}, which went on ${resumed} times`

/** The time of this computer and fresh entropy, as the agent reads them. */
function momentOfNow(): Buffer {
  const now = Date.now()
  const time = Buffer.alloc(16)
  time.writeBigUInt64LE(BigInt(Math.floor(now / 1000)), 0)
  time.writeBigUInt64LE(BigInt(now % 1000) * 1_000_000n, 8)
  return Buffer.concat([time, randomBytes(ENTROPY)])
}

/**
 * Has QEMU load the state that its guest goes on from. The guest does not run yet.
 *
 * @throws Error with what QEMU said
 */
export async function load(qemu: QemuProcess): Promise<void> {
  await qemu.ready
  const fd = qemu.inherited.get(STATE_FD)
  if (fd === undefined) throw new Error('QEMU has no descriptor of the state')
  const late = AbortSignal.timeout(LOAD_MS)
  await Promise.race([
    migrate(qemu, 'migrate-incoming', `fd:${fd}`),
    new Promise<never>((_, reject) => {
      late.addEventListener('abort', () => reject(new Error('QEMU did not load the state in time')), {
        once: true,
      })
    }),
  ])
}

/**
 * The plan of the same guest, which boots because its state could not be loaded. That state is of no use to anyone.
 *
 * @throws BringupError STATE_NOT_LOADED where a boot would not be the guest that was asked for
 */
export function bootInstead(plan: GuestPlan, cause: unknown): GuestPlan {
  const { origin } = plan
  if (!origin?.state) return plan
  if (!origin.otherwise) {
    const evidence = [cause instanceof Error ? cause.message : `${cause}`]
    throw new BringupError([
      problems.STATE_NOT_LOADED.at('', `the state in ${origin.state.folder}`, { evidence }),
    ])
  }
  rmSync(origin.state.folder, { recursive: true, force: true })
  const because = `the saved state could not be loaded: ${cause instanceof Error ? cause.message : cause}`
  return { ...plan, ...origin.otherwise, origin: { kind: 'boot', because } }
}
