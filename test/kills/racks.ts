/**
 * Racks again and again: a controller and four clients that exchange messages, supervisors that are killed at random
 * moments, and racks side by side in one folder. Each function returns what is wrong; nothing is right.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { linuxProfile, type RackInput } from '../../src/index.ts'
import { parseReport } from '../../src/project/profiles/probe/report.ts'
import { loadProject } from '../../src/project/project.ts'
import { parseRack } from '../../src/project/rack.ts'
import { planRun } from '../../src/project/run-planning.ts'
import { startRun } from '../../src/runs/run.ts'
import { numbersFrom } from '../../src/seeded-numbers.ts'
import { watchProgress } from '../support/progress.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const MARK = 'BRINGUP_RACK_TEST'

/** A folder, and places of its own for all that bringup keeps elsewhere. The cache is the user's, since kernels take minutes. */
export interface Place {
  readonly folder: string
  readonly temporary: string
  readonly runtime: string
  readonly env: NodeJS.ProcessEnv
}

export function makePlace(): Place & Disposable {
  const home = mkdtempSync(join(tmpdir(), 'racks-'))
  const [folder, temporary, runtime] = ['a project', 'tmp', 'run'].map((name) => join(home, name)) as [
    string,
    string,
    string,
  ]
  for (const path of [folder, temporary, runtime]) mkdirSync(path, { mode: 0o700 })
  return {
    folder,
    temporary,
    runtime,
    env: { ...process.env, TMPDIR: temporary, XDG_RUNTIME_DIR: runtime, [MARK]: home },
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  }
}

const small = { cpu: 1, memory: '64M', timeout: '30m' } as const
const MEMBERS = { nics: ['lan'], memory: ['window'] } as const
const SHARED = { networks: { lan: {} }, memory: { window: { size: '1M', vectors: 1 } } } as const

/** Probe kernels: each writes to all others through the memory, and rings them; clients call the controller by network. */
const probes = (clients: number): RackInput => {
  const member = (frames: string) => ({
    machine: { ...small, boot: { append: `ivshmem-meet=${clients + 1} ${frames}` } },
    nics: [...MEMBERS.nics],
    memory: [...MEMBERS.memory],
  })
  return {
    ...SHARED,
    guests: {
      controller: member(`frames-serve=${clients}`),
      client: { ...member('frames-call'), count: clients },
    },
  }
}

/** Linux: messages over TCP and through the memory, both ways (`exchange.c`). */
const linux = (clients: number, program: string): RackInput => {
  const member = {
    machine: { cpu: 1, memory: '192M', timeout: '60m' },
    profile: 'exchange',
    nics: [...MEMBERS.nics],
    memory: [...MEMBERS.memory],
  }
  return {
    ...SHARED,
    guests: {
      controller: { ...member, command: [program, 'serve', `${clients}`] },
      client: {
        ...member,
        count: clients,
        command: [program, 'call', '10.1.0.10'],
        after: { controller: 'listening' },
      },
    },
  }
}

/** One run of a controller and its clients. */
export async function meet(
  kind: 'probe' | 'linux',
  place: Place,
  { clients = 4 } = {},
): Promise<string | undefined> {
  const { folder } = place
  const program = join(folder, 'exchange')
  if (kind === 'linux' && !existsSync(program)) {
    const source = fileURLToPath(new URL('exchange.c', import.meta.url))
    await execa('cc', ['-static', '-O1', '-o', program, source])
  }
  const description = kind === 'probe' ? probes(clients) : linux(clients, program)
  const found = await loadProject({ cwd: folder, state: join(folder, '.bringup') })
  const project = {
    ...found,
    profiles: [linuxProfile({ name: 'exchange', programs: [program] })],
    racks: { meeting: parseRack(description, ['racks', 'meeting']) },
  }
  await using run = startRun(await planRun({ project, rack: 'meeting' }), {
    stateFolder: project.stateFolder,
  })
  const pids = new Set<number>()
  run.onEvent((event) => {
    if (event.type === 'guest started' && event.pid !== undefined) pids.add(event.pid)
  })
  const { verdict, meaning, guests } = await run.done
  if (verdict !== 'passed') return `${verdict}: ${meaning} (${run.folder.path})`
  const passed = guests.filter(({ result }) => result?.verdict === 'passed')
  if (passed.length !== clients + 1) return `${passed.length} of ${clients + 1} guests have passed`
  const alive = [...pids].filter((pid) => existsSync(`/proc/${pid}`))
  if (alive.length > 0) return `QEMU runs on: ${alive.join(', ')}`
  const messages = run.plan.guests.map(({ guest }) =>
    messagesOf(kind, join(run.folder.path, 'guests', guest)),
  )
  const heard = messages.reduce((sum, count) => sum + count, 0)
  // By memory from each guest to each other one; by network from each client to the controller, and back.
  const expected = kind === 'probe' ? (clients + 1) * clients + 2 * clients : clients
  return heard === expected ? undefined : `${heard} messages of ${expected} have arrived`
}

/** Peers that a probe kernel has read from and heard, and cards that called or answered it; clients that the Linux controller has. */
function messagesOf(kind: 'probe' | 'linux', folder: string): number {
  if (kind === 'linux') {
    const log = join(folder, 'command.log')
    const text = existsSync(log) ? readFileSync(log, 'utf8') : ''
    return text.match(/^client \d+: network and memory$/gm)?.length ?? 0
  }
  const console = readFileSync(join(folder, 'console.log'), 'latin1')
  const lines = console.matchAll(/\{"t":"ivshmem-peer"[^\n]*\}/g)
  const peers = [...lines].map(
    ([text]) => JSON.parse(text) as { own: number; peer: number; pattern: boolean; heard: number },
  )
  const byMemory = peers.filter(({ own, peer, pattern, heard }) => own !== peer && pattern && heard > 0)
  const cards = parseReport(console)?.nics ?? []
  const byNetwork = cards.flatMap((card) => card.peers ?? []).map(({ mac }) => mac)
  return byMemory.length + new Set(byNetwork).size
}

/** What stays: guests that wait, on a network with a capture, with memory that needs a server, beside a service. */
const waiting = (clients: number, hasBridge: boolean): RackInput => {
  const machine = { ...small, boot: { append: 'report=no ready-hang' } }
  const nics = ['lan', ...(hasBridge ? ['bridge'] : [])]
  return {
    networks: { lan: { capture: true }, ...(hasBridge ? { bridge: { host: true } } : {}) },
    memory: { window: { size: '1M', vectors: 1 } },
    services: { beside: { argv: ['sh', '-c', 'echo up; exec tail -f /dev/null'], ready: { pattern: 'up' } } },
    guests: {
      controller: { machine, nics, memory: ['window'] },
      client: {
        machine,
        nics,
        memory: ['window'],
        count: clients,
        after: { controller: '"ready"' },
      },
    },
  }
}

interface Before {
  /** Names of abstract sockets. */
  readonly sockets: readonly string[]
  /** Network namespaces of the run alone. */
  readonly namespaces: readonly string[]
}

/** Kills supervisors of `run -d` at random moments: by events of the run, and a random number of turns after one. */
export class Supervisors {
  readonly #place: Place
  /** Most events that a run has had when it had started. */
  #events = 12
  /** Moments at which the kills came, by how far the run was. */
  readonly moments = { before: 0, starting: 0, started: 0 }

  /** @param hasBridge the guests are on a network of this computer's kernel too, with taps in a namespace and dnsmasq */
  constructor(place: Place, { clients = 4, hasBridge = false } = {}) {
    this.#place = place
    const config = { racks: { waiting: waiting(clients, hasBridge) } }
    writeFileSync(join(place.folder, 'bringup.config.json'), JSON.stringify(config))
  }

  async killOne(seed: number): Promise<string | undefined> {
    const random = numbersFrom(seed)
    const known = new Set(this.#runs())
    const front = this.#call(['run', '-d', '--rack', 'waiting', '--name', `k${seed}`])
    const ended = once(front, 'exit')
    const target = Math.floor(random() * this.#events * 1.3)
    const hasEnded = () => front.exitCode !== null
    await until(() => hasEnded() || supervisorOf(front) !== undefined)
    const supervisor = supervisorOf(front) ?? this.#supervisor()
    await until(() => hasEnded() || this.#progress(known) >= target)
    for (let turn = Math.floor(random() * 300); turn > 0; turn--) await nextTurn()
    const progress = this.#progress(known)
    const hasStarted = front.exitCode !== null
    if (hasStarted) this.#events = Math.max(this.#events, progress)
    this.moments[hasStarted ? 'started' : progress > 0 ? 'starting' : 'before'] += 1
    if (supervisor === undefined) return `case ${seed}: there is no supervisor to kill`
    const before = { sockets: this.#sockets(known), namespaces: namespacesOf(marked(this.#place)) }
    try {
      process.kill(supervisor, 'SIGKILL')
    } catch {
      return `case ${seed}: the supervisor had ended by itself`
    }
    if (!hasStarted) await ended
    const left = await this.#left(before)
    return left === undefined ? undefined : `case ${seed}, after ${progress} events: ${left}`
  }

  async #left({ sockets, namespaces }: Before): Promise<string | undefined> {
    const { folder, temporary, runtime } = this.#place
    const stuck = await untilGone(() => marked(this.#place))
    if (stuck.length > 0) return `still running: ${stuck.map(commandOf).join('; ')}`
    const names = readFileSync('/proc/net/unix', 'latin1')
    const all = new Set(namespacesOf(processes()))
    const open = [
      ...sockets.filter((name) => names.includes(name)),
      ...namespaces.filter((namespace) => all.has(namespace)),
    ]
    const files = [
      ...readdirSync(temporary).map((name) => `$TMPDIR/${name}`),
      ...inside(runtime).filter((name) => !/^bringup$|\.(?:lock|join)$/.test(name)),
      ...inside(join(folder, '.bringup')).filter((name) =>
        /^detached-|\.part$|\.partial$|\.tmp$|\.sock$/.test(name),
      ),
    ]
    const left = [...open, ...files]
    return left.length === 0 ? undefined : `left: ${left.join(', ')}`
  }

  #call(words: readonly string[]): ChildProcess {
    const { folder: cwd, env } = this.#place
    return spawn(process.execPath, [BIN, ...words], { cwd, env, stdio: 'ignore' })
  }

  #supervisor(): number | undefined {
    return marked(this.#place).find((pid) => commandOf(pid).includes(' --supervise='))
  }

  #runs(): readonly string[] {
    const runs = join(this.#place.folder, '.bringup/runs')
    return existsSync(runs) ? readdirSync(runs) : []
  }

  #newRun(known: ReadonlySet<string>): string | undefined {
    const name = this.#runs().find((run) => !known.has(run))
    return name === undefined ? undefined : join(this.#place.folder, '.bringup/runs', name)
  }

  #progress(known: ReadonlySet<string>): number {
    const run = this.#newRun(known)
    if (run === undefined) return 0
    const events = join(run, 'events.jsonl')
    return 1 + (existsSync(events) ? readFileSync(events, 'latin1').split('\n').length - 1 : 0)
  }

  #sockets(known: ReadonlySet<string>): readonly string[] {
    const control = join(this.#newRun(known) ?? '', 'control.json')
    try {
      return [JSON.parse(readFileSync(control, 'utf8')).socket as string]
    } catch {
      return []
    }
  }
}

/** Racks of two guests on a network of their own, all at once in one folder. */
export async function sideBySide(racks: number, place: Place): Promise<string | undefined> {
  const rack = { networks: { lan: {} }, guests: { node: { machine: small, count: 2, nics: ['lan'] } } }
  writeFileSync(join(place.folder, 'bringup.config.json'), JSON.stringify({ racks: { pair: rack } }))
  const { folder: cwd, env } = place
  const argv = [BIN, 'run', '--rack', 'pair', '--json']
  const all = await Promise.all(
    Array.from({ length: racks }, () => execa(process.execPath, argv, { cwd, env, reject: false })),
  )
  const failed = all.filter(({ exitCode }) => exitCode !== 0)
  if (failed.length > 0)
    return `${failed.length} of ${racks} failed: ${failed[0]?.stdout}${failed[0]?.stderr}`
  const runs = readdirSync(join(cwd, '.bringup/runs')).filter((name) =>
    existsSync(join(cwd, '.bringup/runs', name, 'result.json')),
  )
  if (runs.length !== racks) return `${runs.length} records of ${racks} runs`
  const alive = await untilGone(() => marked(place))
  return alive.length === 0 ? undefined : `still running: ${alive.map(commandOf).join('; ')}`
}

/** Links and named network namespaces of this computer. */
export function networksHere(): readonly string[] {
  const names = (folder: string) => (existsSync(folder) ? readdirSync(folder) : [])
  return [...names('/sys/class/net'), ...names('/run/netns')]
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Between two looks at all processes, which cost CPU time that the run needs. */
const LOOK_EVERY_MS = 10
const nextLook = () => pause(LOOK_EVERY_MS)

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextLook()
}

/** Looks again and again; returns those that are left when the first of them makes no progress any more. */
async function untilGone(look: () => readonly number[]): Promise<readonly number[]> {
  let isStuck = false
  const [first] = look()
  if (first === undefined) return []
  const stop = watchProgress(first, { cpuSeconds: 60, onStuck: () => (isStuck = true) })
  for (;;) {
    const alive = look()
    if (alive.length > 0 && !isStuck) {
      await nextLook()
      continue
    }
    stop()
    return alive
  }
}

const processes = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

function marked({ env }: Place): readonly number[] {
  const mark = `${MARK}=${env[MARK]}`
  return processes().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark)
    } catch {
      return false
    }
  })
}

/** Network namespaces of processes, other than that of this one. */
function namespacesOf(pids: readonly number[]): readonly string[] {
  const own = readlinkSync('/proc/self/ns/net')
  const found = pids.flatMap((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/net`)
    } catch {
      return []
    }
  })
  return [...new Set(found)].filter((namespace) => namespace !== own)
}

/** The child that `run -d` has started. */
function supervisorOf({ pid = 0 }: ChildProcess): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean)
    return children.map(Number).find((child) => commandOf(child).includes(' --supervise='))
  } catch {
    return undefined
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
  } catch {
    return `${pid}`
  }
}

function inside(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
}
