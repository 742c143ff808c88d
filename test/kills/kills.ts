/**
 * Kills bringup at random moments of commands that write, and looks at what is left: no process, no partial file, and
 * the same command works afterwards.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { numbersFrom } from '../../src/seeded-numbers.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))

/** A command, what comes before it, and which exit codes of the second call are right. */
interface Scene {
  readonly before: readonly (readonly string[])[]
  readonly argv: readonly string[]
  /** Exit codes of the repeated command; 2 where the killed one may have finished its work. */
  readonly again: readonly number[]
  /** The cache of this case alone, empty. */
  readonly ownCache?: boolean
  /** Without the saved states of earlier cases. */
  readonly hasNoStates?: boolean
}

const STORE = ['nvdimm', 'create', 'default/pm0']
export const SCENES: readonly Scene[] = [
  { before: [], argv: [...STORE, '16M'], again: [0, 2] },
  { before: [], argv: [...STORE, '16M', '--label', '128K'], again: [0, 2] },
  { before: [[...STORE, '16M']], argv: [...STORE, '32M', '--discard', '--yes'], again: [0] },
  { before: [[...STORE, '16M']], argv: ['nvdimm', 'clone', 'default/pm0', 'copy.img'], again: [0, 2] },
  { before: [[...STORE, '16M']], argv: ['nvdimm', 'resize', 'default/pm0', '32M'], again: [0] },
  {
    before: [[...STORE, '16M', '--label', '128K']],
    argv: ['nvdimm', 'resize', 'default/pm0', '32M'],
    again: [0],
  },
  { before: [], argv: ['init', '--yes'], again: [0, 2] },
  { before: [], argv: ['run', '--memory', '64M'], again: [0] },
  { before: [], argv: ['plan'], again: [0], ownCache: true },
  { before: [], argv: ['run', '--memory', '64M'], again: [0], ownCache: true },
  { before: [['run', '--memory', '64M']], argv: ['runs', 'prune', '--keep', '0'], again: [0] },
  { before: [], argv: ['build'], again: [0] },
]

const LINUX = ['run', '--profile', 'linux', '--memory', '128M', '--cores', '1']

/** Guests that are saved, and guests that are restored. They boot Linux, so they have a dose of their own. */
export const STATE_SCENES: readonly Scene[] = [
  { before: [], argv: [...LINUX, '--', 'true'], again: [0], hasNoStates: true },
  { before: [], argv: [...LINUX, '--', 'true'], again: [0], hasNoStates: true },
  { before: [[...LINUX, '--', 'true']], argv: [...LINUX, '--', 'true'], again: [0] },
  { before: [[...LINUX, '--', 'true']], argv: ['state', 'prune', '--keep', '0'], again: [0] },
]

const MAKEFILE = 'all: out\nout:\n\tsleep 0.2; echo made > out\n'
const CONFIG = { kernel: { build: ['make'], image: 'out' }, machines: { default: { memory: '64M' } } }

/** How long each scene takes when it is left alone, in milliseconds. */
const durations = new Map<Scene, number>()

/** What is wrong after one kill; undefined when nothing is. `cache`: a warm one, for scenes without their own. */
export async function problemAfterKill(
  seed: number,
  cache: string,
  scenes: readonly Scene[] = SCENES,
): Promise<string | undefined> {
  const random = numbersFrom(seed)
  const scene = scenes[Math.floor(random() * scenes.length)] as Scene
  if (!durations.has(scene)) durations.set(scene, await play(scene, cache, async () => undefined))
  const delay = random() * (durations.get(scene) ?? 0) * 1.1
  let problem: string | undefined
  await play(scene, cache, async (child, place) => {
    await Promise.race([sleep(delay), once(child, 'exit')])
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    problem = await problemIn(scene, place)
  })
  return problem && `case ${seed}, ${scene.argv.join(' ')}, killed after ${delay.toFixed(0)} ms: ${problem}`
}

interface Place {
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  readonly mark: string
}

/** Sets the scene in a folder of its own, starts the command, and takes everything away at the end. */
async function play(
  scene: Scene,
  cache: string,
  during: (child: ChildProcess, place: Place) => Promise<void>,
): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'bringup-kill-'))
  const folder = join(home, 'a project')
  const temporary = join(home, 'tmp')
  for (const path of [folder, temporary]) mkdirSync(path)
  writeFileSync(join(folder, 'Makefile'), MAKEFILE)
  if (scene.argv[0] === 'build') writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify(CONFIG))
  const mark = `BRINGUP_KILL_TEST=${home}`
  const env = {
    ...process.env,
    TMPDIR: temporary,
    XDG_CACHE_HOME: scene.ownCache ? join(home, 'cache') : cache,
    XDG_STATE_HOME: join(home, 'state'),
    BRINGUP_KILL_TEST: home,
  }
  const place = { folder, env, mark }
  if (scene.hasNoStates) rmSync(join(cache, 'bringup/states'), { recursive: true, force: true })
  try {
    for (const argv of scene.before) await call(argv, place)
    const began = performance.now()
    const child = start(scene.argv, place)
    await during(child, place)
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return performance.now() - began
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

function start(argv: readonly string[], { folder, env }: Place): ChildProcess {
  return spawn(process.execPath, [BIN, ...argv], { cwd: folder, env, stdio: 'ignore' })
}

async function call(
  argv: readonly string[],
  { folder, env }: Place,
): Promise<{ readonly code: number | null; readonly text: string }> {
  const child = spawn(process.execPath, [BIN, ...argv], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
  await once(child, 'close')
  return { code: child.exitCode, text }
}

async function problemIn(scene: Scene, place: Place): Promise<string | undefined> {
  const alive = await lastOnes(place)
  if (alive.length > 0) return `still running: ${alive.join('; ')}`
  const { code, text } = await call(scene.argv, place)
  if (!scene.again.includes(code ?? -1)) return `the same command then ended with ${code}:\n${text}`
  await lastOnes(place)
  const left = leftovers(place)
  return left.length > 0 ? `left behind: ${left.join(', ')}` : undefined
}

/** Processes of this case that do not end: none has used CPU time or changed for many looks. */
async function lastOnes(place: Place): Promise<readonly string[]> {
  let running: readonly string[] = []
  for (let look = 0; look < 200; look++) {
    running = processesWith(place.mark)
    if (running.length === 0) return []
    await sleep(50)
  }
  return running
}

function processesWith(mark: string): readonly string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark)) return []
      return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')}`]
    } catch {
      return []
    }
  })
}

/** Files that only an unfinished call makes, after the next call has had its chance to remove them. */
function leftovers({ folder, env }: Place): readonly string[] {
  const inside = (path: string) => {
    try {
      return readdirSync(path, { recursive: true, encoding: 'utf8' })
    } catch {
      return []
    }
  }
  return [
    ...inside(folder).filter((name) => /\.part$|\.partial$|\.tmp$/.test(name)),
    ...inside(env.TMPDIR ?? '').map((name) => `$TMPDIR/${name}`),
    ...inside(join(env.XDG_CACHE_HOME ?? '', 'bringup/states')).filter((name) => name.endsWith('.part')),
  ]
}
