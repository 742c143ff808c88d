/** What a guest that is saved, or that goes on from a saved state, does otherwise than one that boots. */
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { GuestPlan, Origin } from '../plan/plan.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { migrate } from '../states/migration.ts'
import { FILES, readState } from '../states/record.ts'
import { beginState, copyGuest, type OpenState, STATE_FD, seal } from '../states/save.ts'
import type { Boot, Resume } from './shell.ts'

export const problems = defineDiagnostics({
  STATE_IS_ANOTHER: {
    title: 'A guest that was to go on from a saved state is another boot.',
    why: 'what it is asked would not be answered by the guest that was saved',
    remedy: 'run with --fresh, which boots, and remove the state: `bringup state rm`',
  },
})

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
  const { origin } = plan
  if (origin?.kind === 'state') return goingOn(origin)
  const open = origin?.saves && beginState(origin.saves.folder)
  if (!origin?.saves || !open) return { descriptors: new Map(), greet: undefined, end: async () => {} }
  return saving(plan, { saves: origin.saves, open, consoleLog, qemu })
}

interface SavingGuest {
  readonly saves: NonNullable<Extract<Origin, { kind: 'boot' }>['saves']>
  readonly open: OpenState
  readonly consoleLog: string
  readonly qemu: () => QemuProcess
}

function saving(plan: GuestPlan, { saves, open, consoleLog, qemu }: SavingGuest): OriginWork {
  let sealed: Promise<unknown> = Promise.resolve()
  const save = async (resume: Resume) => {
    const boot = await resume(Buffer.alloc(0))
    await copyGuest(qemu(), saves.blocks, open)
    const about = {
      key: saves.key,
      machine: plan.name,
      profile: plan.profile,
      qemu: { path: plan.qemu.path, version: plan.qemu.version },
      moment: 'its first answer',
      boot: boot.id,
      resumed: boot.resumed,
    }
    // The guest goes on meanwhile. A state that cannot be written costs nothing but a boot.
    sealed = seal(open, saves.blocks, { about, consoleLog }).catch(() => {})
  }
  return {
    descriptors: new Map([[STATE_FD, open.fd]]),
    greet: (resume) => save(resume).catch(() => {}),
    async end() {
      await sealed
      open[Symbol.dispose]()
    },
  }
}

function goingOn({ state }: Extract<Origin, { kind: 'state' }>): OriginWork {
  const fd = openSync(join(state.folder, FILES.devices), 'r')
  const record = readState(state.folder)
  return {
    descriptors: new Map([[STATE_FD, fd]]),
    async greet(resume) {
      const boot = await resume(momentOfNow())
      const isSame =
        typeof record === 'object' && boot.id === record.boot && boot.resumed === record.resumed + 1
      if (!isSame) throw new BringupError([problems.STATE_IS_ANOTHER.at('', differenceOf(boot))])
    },
    async end() {
      closeSync(fd)
    },
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

/** The plan of the same guest, which boots because its state could not be loaded. That state is of no use to anyone. */
export function bootInstead(plan: GuestPlan, cause: unknown): GuestPlan {
  const { origin } = plan
  if (origin?.kind !== 'state') return plan
  rmSync(origin.state.folder, { recursive: true, force: true })
  const because = `the saved state could not be loaded: ${cause instanceof Error ? cause.message : cause}`
  return { ...plan, ...origin.otherwise, origin: { kind: 'boot', because } }
}
