/** Whenever bringup is killed with SIGKILL, no QEMU is left, and no lock. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lockHolder } from '../../src/host/file-locks.ts'

const PROCESS = fileURLToPath(new URL('../../src/qemu/process.ts', import.meta.url))
const JITI = import.meta.resolve('jiti')
const folder = mkdtempSync(join(tmpdir(), 'keeper-'))
const started: Pick<Supervisor, 'child' | 'marker'>[] = []
afterAll(() => {
  for (const { child, marker } of started) {
    child.kill('SIGKILL')
    for (const pid of processesWith(marker)) process.kill(pid, 'SIGKILL')
  }
  rmSync(folder, { recursive: true })
})

/** Starts a QEMU when told to on its standard input, says `spawning` just before and `ready` at QMP's greeting. */
const SUPERVISOR = `
  import { createJiti } from ${JSON.stringify(JITI)}
  const { startQemu } = await createJiti(import.meta.url).import(process.argv[1])
  const [, , marker, store] = process.argv
  process.stdout.write('loaded\\n')
  await new Promise((resolve) => process.stdin.once('data', resolve))
  const plan = {
    qemu: { path: 'qemu-system-x86_64', version: '' },
    args: [['-machine', 'q35'], ['-nodefaults'], ['-display', 'none'], ['-name', marker]],
    channels: [{ id: 'console', purpose: 'console', label: 'serial 0' }],
    locks: [{ path: store, mode: 'exclusive' }],
  }
  process.stdout.write('spawning\\n')
  const qemu = await startQemu({ plan })
  process.stdout.write('spawned\\n')
  await qemu.ready
  process.stdout.write('ready\\n')
`

interface Supervisor {
  readonly child: ChildProcess
  readonly marker: string
  readonly store: string
  said(word: string): Promise<void>
}

async function supervisor(): Promise<Supervisor> {
  const marker = `keeper-${randomBytes(8).toString('hex')}`
  const store = join(folder, `${marker}.img`)
  writeFileSync(store, '')
  const child = spawn(process.execPath, ['--input-type=module', '-e', SUPERVISOR, PROCESS, marker, store], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  started.push({ child, marker })
  let text = ''
  const waits = new Map<string, () => void>()
  child.stdout?.on('data', (chunk) => {
    text += chunk
    for (const [word, wake] of waits) if (text.includes(`${word}\n`)) wake()
  })
  const said = (word: string) =>
    new Promise<void>((resolve) => (text.includes(`${word}\n`) ? resolve() : waits.set(word, resolve)))
  await said('loaded')
  return { child, marker, store, said }
}

/** Every process whose command line has the marker, the supervisor's own included. */
function processesWith(marker: string): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(marker) ? [Number(name)] : []
    } catch {
      return []
    }
  })
}

/**
 * What is still there when the time is up. Looks again and again: the end of a process that is nobody's child any more
 * has no event. A process loses its command line before its files, so the lock goes last.
 */
async function leftAfter({ marker, store }: Supervisor, ms: number) {
  const deadline = performance.now() + ms
  for (;;) {
    const left = { processes: processesWith(marker), lock: lockHolder(store) }
    if ((left.processes.length === 0 && !left.lock) || performance.now() > deadline) return left
    await after(10)
  }
}

async function killed(one: Supervisor): Promise<void> {
  const ended = once(one.child, 'exit')
  one.child.kill('SIGKILL')
  await ended
  expect(await leftAfter(one, 2000)).toEqual({ processes: [], lock: undefined })
}

/** So that a fault of the test, not of the keeper, is found first. */
let living: readonly number[] = []
beforeAll(async () => {
  const one = await supervisor()
  one.child.stdin?.write('go')
  await one.said('ready')
  living = processesWith(one.marker)
  expect(lockHolder(one.store)?.pid).toBe(living.find((pid) => pid !== one.child.pid))
  await killed(one)
}, 30_000)

test('QEMU lives as long as its supervisor', () => {
  expect(living).toHaveLength(2)
})

test('nothing is left after SIGKILL at twenty random moments around the start', {
  timeout: 1_200_000,
}, async () => {
  const moments = Array.from({ length: 20 }, () => Math.random() * 80)
  for (const [index, moment] of moments.entries()) {
    const one = await supervisor()
    one.child.stdin?.write('go')
    await one.said('spawning')
    // The moment is the test's subject: it is counted from just before the spawn, fork and prctl included.
    if (index % 2 === 0) await after(moment)
    else await spin(moment / 10)
    await killed(one)
  }
})

test('nothing is left after SIGKILL once QMP is up', async () => {
  for (let i = 0; i < 3; i++) {
    const one = await supervisor()
    one.child.stdin?.write('go')
    await one.said('ready')
    await killed(one)
  }
})

/** Timers are too coarse for the first milliseconds, in which the fork happens. */
async function spin(ms: number): Promise<void> {
  const until = performance.now() + ms
  while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve))
}
