/** Forks that are started in advance. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Guest, saveState } from '../../src/index.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { expect, test } from '../support/guests.ts'
import { ownStates } from '../support/own-states.ts'
import { killWhenStuck } from '../support/progress.ts'

const profile = 'linux'
const machine: MachineInput = { memory: '128M', cpu: 1, timeout: '20m' }
ownStates()

const uuid = async (guest: Guest) => (await guest.readFile('/proc/sys/kernel/random/uuid')).toString()

test('forks wait to run, each with a clock and random numbers of its own, and are replaced', async ({
  launch,
  stateFolder,
}) => {
  const guest = await launch(machine, { profile, origin: 'state' })
  await guest.writeFile('/tmp/seed', 'ready')
  await using ready = await saveState(guest)
  const pool = ready.pool({ size: 2 })
  await pool.filled
  expect(pool.waiting).toBe(2)
  const waited = readdirSync(join(stateFolder, 'runs')).length
  const output: string[] = []
  const forks = [
    await pool.fork({ onConsole: (chunk) => output.push(chunk.toString()) }),
    await pool.fork(),
    await pool.fork(),
  ]
  const earliest = Math.floor(Date.now() / 1000)
  expect(new Set(await Promise.all(forks.map(uuid))).size).toBe(3)
  for (const fork of forks) {
    expect((await fork.readFile('/tmp/seed')).toString()).toBe('ready')
    expect(Number((await fork.run(['date', '+%s'])).stdout)).toBeGreaterThanOrEqual(earliest)
  }
  expect(output.join('')).toContain('BusyBox')
  expect(waited).toBe(3)
  await pool.filled
  expect(pool.waiting).toBe(2)
  const before = readdirSync(join(stateFolder, 'runs')).length
  await pool[Symbol.asyncDispose]()
  // Guests that never ran leave no record; forks that were taken go on.
  expect(readdirSync(join(stateFolder, 'runs')).length).toBe(before - 2)
  for (const fork of forks) {
    await uuid(fork)
    expect(await fork.close()).toMatchObject({ verdict: 'interrupted', origin: { kind: 'state' } })
  }
})

test('a fork from a pool ends by its signal; a pool without memory starts none in advance', async ({
  launch,
}) => {
  const guest = await launch(machine, { profile, origin: 'state' })
  await using ready = await saveState(guest)
  await using pool = ready.pool({ size: 1 })
  await pool.filled
  const controller = new AbortController()
  const fork = await pool.fork({ signal: controller.signal })
  await uuid(fork)
  controller.abort()
  expect(await fork.done).toMatchObject({ verdict: 'interrupted' })

  await using small = ready.pool({ size: 4, memory: '300M' })
  await small.filled
  expect(small.waiting).toBe(2)
  await using none = ready.pool({ memory: '64M' })
  await none.filled
  expect(none.waiting).toBe(0)
  await using started = await none.fork()
  await uuid(started)
})

test('guests that wait end with their owner, also after SIGKILL', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bringup pool, '))
  const index = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
  const script = `
    import { launch, saveState } from ${JSON.stringify(index)}
    const guest = await launch(${JSON.stringify(machine)}, { profile: 'linux', origin: 'state', folder: process.argv[1], state: process.argv[1] })
    const ready = await saveState(guest)
    await guest.close()
    const pool = ready.pool({ size: 2 })
    await pool.filled
    console.log(pool.waiting)
  `
  try {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    killWhenStuck(child, 300)
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    expect(said.toString()).toBe('2\n')
    const pids = processesOf(folder)
    expect(pids).toHaveLength(2)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await expect
      .poll(() => pids.filter((pid) => existsSync(`/proc/${pid}/exe`)), { timeout: 600_000 })
      .toEqual([])
    await expect.poll(() => readdirSync(join(folder, 'states')), { timeout: 600_000 }).toEqual([])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** QEMUs that map a file of the folder. */
function processesOf(folder: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/maps`, 'utf8').includes(`${folder}/states/`)
    } catch {
      return false
    }
  })
}
