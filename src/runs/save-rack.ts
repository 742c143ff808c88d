/**
 * Saves a rack that runs: all guests are paused, then all are copied with what they share, then all continue. No guest
 * runs while another one is copied, so what one of them has received, another one has sent.
 */
import { join } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { Guest, SavedFrom } from '../guest/guest.ts'
import type { FreshState, GuestSave } from '../guest/save-guest.ts'
import { inTurn } from '../in-turn.ts'
import type { KeptFrame } from '../network/kept-frames.ts'
import type { RunningNetwork } from '../network/running-network.ts'
import { makeFolder, writeWhole } from '../own-files.ts'
import { startPatience } from '../qemu/patience.ts'
import { copyFile } from '../states/copy-file.ts'
import type { OpenState } from '../states/open-state.ts'
import { type JoinObstacle, obstaclesIn } from '../states/origin.ts'
import {
  bytesIn,
  digestOf,
  guestFolder,
  memoryFile,
  RACK_FILE,
  type RackRecord,
} from '../states/rack-record.ts'
import { FILES, FORMAT } from '../states/record.ts'
import { sealFile } from '../states/seal.ts'
import type { Run } from './run.ts'

export const problems = defineDiagnostics({
  RACK_NOT_SAVED: {
    title: 'A rack could not be saved.',
    why: 'what its guests share must be saved with them: private networks and memories of the rack are, and nothing else is',
    remedy: 'remove what the message names from the rack, or change it back; then save the rack again',
    source: 'docs/devel/migration.rst of QEMU',
  },
  RACK_FRAMES_NOT_KEPT: {
    title: 'Frames on the way between guests could not be kept.',
    why: 'frames are kept in the switch, after QEMU has handed all others to the guests; `ss` of iproute2 reports what QEMU has not read',
    remedy: 'save the rack with frames: "drop", or wait until the guest receives frames',
    source: 'sock_diag(7): UNIX_DIAG_SHOW_RQLEN',
  },
})

/** What becomes of frames on the way between guests. */
export type FramesOption = 'drop' | 'keep'

/** Where and how a rack is saved. */
export interface RackPlace {
  /** Begins the folder of the state, by the folder that keeps runs and stores. */
  readonly begin: (stateFolder: string) => OpenState
  readonly isLasting: boolean
  /** Of the state. Default: none. */
  readonly key?: string
  readonly frames: FramesOption
}

/** A rack that was just saved. Deleted with `open`, unless that was kept. */
export interface FreshRack {
  readonly open: OpenState
  readonly record: RackRecord
  readonly guests: readonly (FreshState & SavedFrom)[]
}

/** @throws BringupError RACK_NOT_SAVED, RACK_FRAMES_NOT_KEPT, GUEST_NOT_SAVED with all that prevents it */
export async function saveRack(run: Run, place: RackPlace): Promise<FreshRack> {
  // Another one would resume guests while they are copied.
  return inTurn([run, ...Object.values(run.guests)], () => saveInTurn(run, place))
}

async function saveInTurn(run: Run, place: RackPlace): Promise<FreshRack> {
  const found = obstaclesOf(run)
  if (found.length > 0) throw new BringupError(found)
  const networks = place.frames === 'keep' ? Object.values(run.networks) : []
  // Before anything is paused: whether this computer reports what was not read.
  for (const network of networks) await backlogOf(network)
  const { open, saves } = await beginAll(run, place)
  try {
    const { frames, memories } = await copyAtOnce(run, networks, { saves, path: open.path })
    const guests = await Promise.all(
      saves.map(async ({ save, ...around }) => ({ ...(await save.seal()), ...around })),
    )
    const sealed = await Promise.all(
      memories.map(async (resource, index) => ({
        resource,
        ...(await sealFile(join(open.path, memoryFile(index)), place.isLasting)),
      })),
    )
    const record: RackRecord = {
      format: FORMAT,
      key: place.key ?? '',
      rack: run.plan.name,
      made: new Date().toISOString(),
      guests: run.plan.guests.map(({ guest: name }, index) => ({
        name,
        sha256: digestOf(join(open.path, guestFolder(index), FILES.record)),
      })),
      networks: run.plan.networks.map(({ name }) => name),
      memories: sealed,
      keepsFrames: place.frames === 'keep',
      frames: Object.fromEntries([...frames].map(([network, kept]) => [network, kept.map(asText)])),
      bytes: bytesIn(open.path),
    }
    writeWhole(join(open.path, RACK_FILE), `${JSON.stringify(record, null, 2)}\n`)
    return { open, record, guests }
  } catch (error) {
    open[Symbol.dispose]()
    throw error
  }
}

const asText = ({ bytes, ...frame }: KeptFrame) => ({
  ...frame,
  bytes: Buffer.from(bytes).toString('base64'),
})

type Saving = SavedFrom & { readonly save: GuestSave }

/** Prepares all guests, which still run. */
async function beginAll(
  { plan, guests }: Run,
  { begin, isLasting }: RackPlace,
): Promise<{ readonly open: OpenState; readonly saves: readonly Saving[] }> {
  let open: OpenState | undefined
  const begun = await Promise.allSettled(
    plan.guests.map(async ({ guest: name }, index) =>
      needGuest(guests, name).qemu.save((stateFolder) => ({
        begin() {
          open ??= begin(stateFolder)
          return partOf(open, index)
        },
        isLasting,
        ofJoin: obstacleOfJoin(plan.networks),
      })),
    ),
  )
  const failed = begun.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  if (open && failed.length === 0)
    return { open, saves: begun.flatMap((one) => (one.status === 'fulfilled' ? one.value : [])) }
  open?.[Symbol.dispose]()
  const bug = failed.find((error) => !(error instanceof BringupError))
  if (bug !== undefined) throw bug
  throw new BringupError(failed.flatMap((error) => (error as BringupError).diagnostics))
}

function needGuest(guests: Run['guests'], name: string): Guest {
  const guest = guests[name]
  if (guest === undefined) throw new Error(`guest ${name} does not run`)
  return guest
}

/** The folder of one guest, which is kept or deleted with that of the rack. */
function partOf({ path }: OpenState, index: number): OpenState {
  const folder = join(path, guestFolder(index))
  makeFolder(folder)
  return { path: folder, keep: () => true, [Symbol.dispose]() {} }
}

interface Copying {
  readonly saves: readonly Saving[]
  readonly path: string
}

/** Copies all guests and what they share while all are paused. They have continued when this settles. */
async function copyAtOnce(
  run: Run,
  networks: readonly RunningNetwork[],
  { saves, path }: Copying,
): Promise<{
  readonly frames: ReadonlyMap<string, readonly KeptFrame[]>
  readonly memories: readonly string[]
}> {
  const all = (act: (save: GuestSave) => Promise<void>) => saves.map(({ save }) => act(save))
  try {
    await Promise.all(networks.map((network) => network.hold()))
    for (const network of networks) await drain(network, run)
    await Promise.all(all((save) => save.pause()))
    const frames = new Map<string, readonly KeptFrame[]>()
    for (const network of networks) frames.set(network.plan.name, await network.held())
    const memories = [...(await run.memoryFiles())]
    await Promise.all([
      ...all((save) => save.copy()),
      ...memories.map(([, from], index) => copyFile(from, join(path, memoryFile(index)))),
    ])
    return { frames, memories: memories.map(([resource]) => resource) }
  } finally {
    // One that has ended meanwhile cannot continue: its own result says so.
    await Promise.allSettled(all((save) => save.resume()))
    await Promise.allSettled(networks.map((network) => network.letGo()))
  }
}

/** CPU and other time that a guest has to take its frames. */
const DRAIN_MS = { within: 5000, most: 120_000, cpu: 20_000 }

/**
 * Frames that show whether QEMU waits for the card of a guest: it reads one more piece then, and nothing after it
 * (net_stream_send in net/stream.c).
 */
const PROBES = 2

/** Waits until the guests have received what was sent to them before `hold`. */
async function drain(network: RunningNetwork, { guests }: Run): Promise<void> {
  for (const { id, guest: name } of network.plan.ports) {
    const { qemu } = needGuest(guests, name)
    await untilTaken(network, id, qemu)
    for (let probe = 0; probe < PROBES; probe++) {
      await network.probe(id)
      await untilTaken(network, id, qemu)
    }
  }
}

async function untilTaken(network: RunningNetwork, port: string, { pid, qmp }: Guest['qemu']): Promise<void> {
  let isSilent = false
  const { within: withinMs, most: mostMs, cpu: cpuMs } = DRAIN_MS
  const patience = startPatience({ group: pid, withinMs, mostMs, cpuMs }, () => {
    isSilent = true
  })
  try {
    for (;;) {
      const bytes = (await backlogOf(network)).get(port) ?? 0
      if (bytes === 0) return
      if (isSilent)
        throw notKept(network, `the guest at ${port} does not receive: ${bytes} bytes wait for it`)
      // Its answer comes from the loop that reads the frames.
      await qmp.execute('query-status')
    }
  } finally {
    patience.clear()
  }
}

async function backlogOf(network: RunningNetwork): Promise<ReadonlyMap<string, number>> {
  try {
    return await network.backlog()
  } catch (error) {
    if (error instanceof BringupError) throw error
    throw notKept(network, (error as Error).message)
  }
}

const notKept = ({ plan }: RunningNetwork, why: string) =>
  new BringupError([
    problems.RACK_FRAMES_NOT_KEPT.at(`networks.${plan.name}`, `network "${plan.name}": ${why}`),
  ])

/** All that prevents saving the rack, known before anything is done. */
function obstaclesOf(run: Run): readonly Diagnostic[] {
  const { plan, guests, networks } = run
  const at = (path: string, what: string) => problems.RACK_NOT_SAVED.at(path, what)
  const ofJoin = obstacleOfJoin(plan.networks)
  return [
    ...plan.services.map(({ name }) =>
      at(`services.${name}`, `service "${name}" is a program of this computer, which cannot be saved`),
    ),
    ...plan.networks
      .filter(({ host }) => host !== undefined)
      .map(({ name }) =>
        at(`networks.${name}`, `network "${name}" is a bridge of this computer, which cannot be saved`),
      ),
    ...Object.values(networks).flatMap(({ plan: { name }, changes }) =>
      changes.map((change) => at(`networks.${name}`, `network "${name}": ${change}`)),
    ),
    ...plan.guests.flatMap((one) => {
      const { guest: name } = one
      const guest = Object.hasOwn(guests, name) ? guests[name] : undefined
      if (!guest || guest.hasEnded) return [at(`guests.${name}`, `guest "${name}" does not run`)]
      return obstaclesIn(one, ofJoin).map((why) => at(`guests.${name}`, `guest "${name}": ${why}`))
    }),
  ]
}

/** Which resources are saved with the rack. */
function obstacleOfJoin(networks: Run['plan']['networks']): JoinObstacle {
  return ({ kind, resource, memory }) => {
    if (kind === 'network') {
      const isSaved = networks.some(({ name, host }) => name === resource && host === undefined)
      return isSaved ? undefined : `network "${resource}" is a program or bridge of this computer`
    }
    if (kind === 'memory')
      return memory?.vectors === undefined
        ? undefined
        : `memory "${resource}" has interrupts, whose server cannot be saved`
    return kind === 'folder'
      ? `folder "${resource}" is served by a program of this computer`
      : `RDMA multiplexer "${resource}" is a program of this computer`
  }
}
