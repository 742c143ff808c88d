/** Guests restored from a saved state, from process start to the first answer, compared with the same QEMU by hand and a boot. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { type Guest, launch, type SavedState, saveState } from 'bringup'
import { FrameReader, frame, numbers, texts } from '../src/guest/shell-frames.ts'
import type { MachineInput } from '../src/machine/machine.ts'
import { measure, spawned } from './measure.ts'
import { CLI, FOLDER } from './setting.ts'

const MACHINE: MachineInput = { cpu: 1, memory: '256M', accel: 'tcg', timeout: '20m' }
const WHERE = { profile: 'linux', folder: FOLDER, state: join(FOLDER, '.states') }
const ROUNDS = 15
const AT_ONCE = 2
const FORKS = 40

export async function states(): Promise<void> {
  await using guest = await launch(MACHINE, { ...WHERE, origin: 'state' })
  await using saved = await saveState(guest)
  await using first = await saved.fork()
  await first.run(['true'])
  const argv = bareArgv(first)
  const run = ['run', '--profile', 'linux', '--accel', 'tcg', '--cores', '1', '--memory', '256M']
  const command = (...more: readonly string[]) => ({
    run: () => spawned([process.execPath, CLI, ...run, ...more, '--', 'true'], FOLDER),
  })
  await using pool = saved.pool({ size: 1 })
  const boots = () => launch(MACHINE, { ...WHERE, name: 'boots' })
  await measure({
    title: 'Linux, process start to the first answer: clock set, random numbers reseeded, an empty file read',
    rounds: ROUNDS,
    contenders: [
      { name: 'QEMU by hand, from a saved state', run: () => bare(argv, saved, [moment(), EMPTY]) },
      { name: 'library, fork()', run: () => answers(() => saved.fork()) },
      { name: 'library, pool.fork()', run: () => pool.filled.then(() => answers(() => pool.fork())) },
      { name: 'library, launch(), boot', run: () => answers(boots) },
    ],
  })
  await measure({
    title: 'Linux, process start to the end of the first command, `true`',
    rounds: ROUNDS,
    contenders: [
      { name: 'QEMU by hand, from a saved state', run: () => bare(argv, saved, [moment(), TRUE]) },
      { name: 'library, fork()', run: () => ends(() => saved.fork()) },
      { name: 'library, pool.fork()', run: () => pool.filled.then(() => ends(() => pool.fork())) },
      { name: 'library, launch(), boot', run: () => ends(boots) },
      { name: 'bringup run -- true, from a saved state', ...command() },
      { name: 'bringup run -- true, boot', ...command('--fresh') },
    ],
  })
  console.log(`\nprivate dirty memory of an idle fork: ${writtenMiB(first.qemu.pid)} MiB`)
  await rate('first answers, QEMU by hand', () => bare(argv, saved, [moment(), EMPTY]))
  await rate('first answers, library', () => answers(() => saved.fork()))
  await rate('first commands, QEMU by hand', () => bare(argv, saved, [moment(), TRUE]))
  await rate('first commands, library', () => ends(() => saved.fork()))
}

async function timed(start: () => Promise<Guest>, ask: (guest: Guest) => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await using guest = await start()
  await ask(guest)
  return performance.now() - began
}

const answers = (start: () => Promise<Guest>) => timed(start, (guest) => guest.readFile('/dev/null'))
const ends = (start: () => Promise<Guest>) => timed(start, (guest) => guest.run(['true']))

/** Guests that come and go, some at a time. */
async function rate(name: string, one: () => Promise<number>): Promise<void> {
  const began = performance.now()
  const each = Array.from({ length: AT_ONCE }, async () => {
    for (let i = 0; i < FORKS / AT_ONCE; i++) await one()
  })
  await Promise.all(each)
  const seconds = (performance.now() - began) / 1000
  console.log(`${name}, ${AT_ONCE} at a time, start to end: ${(FORKS / seconds).toFixed(1)} a second`)
}

function writtenMiB(pid: number): string {
  const [, kib = 0] = /^Private_Dirty:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? []
  return (Number(kib) / 1024).toFixed(1)
}

/** The words of a fork without those that tie it to bringup. */
function bareArgv({ folder }: Guest): readonly string[] {
  const argv = JSON.parse(readFileSync(join(folder.path, 'argv.json'), 'utf8')) as readonly string[]
  const isTie = (word: string) => word.startsWith('socket,id=bringup-keeper')
  return argv.filter((word, i) => !isTie(word) && !(word === '-chardev' && isTie(argv[i + 1] ?? '')))
}

/** A request as the agent gets it. */
type Request = readonly Uint8Array[]

const EMPTY: Request = [frame('G', 0, texts('/dev/null'))]
const TRUE: Request = [
  frame('R', 0, Buffer.concat([numbers(1, 1), texts('/', 'true', 'PATH=/bin')])),
  frame('I', 0),
]

/** Time and entropy. */
function moment(): Request {
  const time = Buffer.alloc(16)
  time.writeBigUInt64LE(BigInt(Math.floor(Date.now() / 1000)))
  return [frame('S', 0, Buffer.concat([time, randomBytes(32)]))]
}

/** Descriptors as bringup hands them to QEMU: QMP, the command channel, the stream that shows its end, the state. */
async function bare(
  [program = '', ...args]: readonly string[],
  { folder }: SavedState,
  requests: readonly Request[],
): Promise<number> {
  const began = performance.now()
  const devices = openSync(join(folder, 'devices'), 'r')
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore', 'pipe', 'pipe', 'pipe', devices] })
  closeSync(devices)
  const [, , , qmp, shell, life] = child.stdio as unknown as Streams
  await restore(qmp)
  const reader = new FrameReader()
  reader.greeted()
  for (const request of requests) {
    const answered = new Promise<void>((resolve) => {
      shell.once('data', function take(chunk: Buffer) {
        if (reader.push(chunk).frames.some(({ type }) => type === 'X')) resolve()
        else shell.once('data', take)
      })
    })
    for (const part of request) shell.write(part)
    await answered
  }
  const took = performance.now() - began
  child.kill('SIGKILL')
  await new Promise((resolve) => child.once('exit', resolve))
  for (const stream of [qmp, shell, life]) stream.destroy()
  return took
}

type Streams = readonly [null, null, null, Duplex, Duplex, Duplex]

/** Loads the state and lets the guest continue. */
async function restore(qmp: Duplex): Promise<void> {
  const lines = new Lines(qmp)
  const say = (execute: string, more: object = {}) =>
    qmp.write(`${JSON.stringify({ execute, arguments: more })}\n`)
  await lines.until('"QMP"')
  say('qmp_capabilities')
  say('migrate-set-capabilities', {
    capabilities: ['x-ignore-shared', 'events'].map((capability) => ({ capability, state: true })),
  })
  say('migrate-incoming', { uri: 'fd:6' })
  await lines.until('"completed"')
  say('cont')
  await lines.until('"RESUME"')
}

/** Text of a stream, waited for. */
class Lines {
  #text = ''
  #wake = () => {}

  constructor(stream: Duplex) {
    stream.on('data', (chunk: Buffer) => {
      this.#text += chunk
      this.#wake()
    })
  }

  async until(word: string): Promise<void> {
    while (!this.#text.includes(word))
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
  }
}
