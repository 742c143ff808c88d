/** What happens to processes whose bringup is killed: a driver stands for it, which starts them and is killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'

const DRIVER = fileURLToPath(new URL('../../test/support/guard-driver.ts', import.meta.url))
const RUN_SOURCE = fileURLToPath(new URL('../../scripts/run-source.mjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup guard '))
afterAll(() => rmSync(folder, { recursive: true }))

/** Starts the driver and resolves to it and to the process that it started, once both stand. */
async function driver(graceMs: number, isWatched: boolean, argv: readonly string[]) {
  const child = spawn(process.execPath, [RUN_SOURCE, DRIVER, JSON.stringify({ graceMs, isWatched, argv })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, pid: Number(line) }
}

const isAlive = (pid: number) => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function kill({ child }: Awaited<ReturnType<typeof driver>>) {
  child.kill('SIGKILL')
  await once(child, 'close')
}

const ended = (pid: number) => vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 150_000 })

describe('the death of bringup', () => {
  it('ends a process that was just started and not yet registered', async () => {
    const run = await driver(0, false, ['sleep', '1000'])
    await kill(run)
    await ended(run.pid)
  })

  it('ends what has left its group, and what has lost its environment', async () => {
    const away = await driver(0, true, ['setsid', '--fork', 'sh', '-c', 'echo $$; exec sleep 1000'])
    const bare = await driver(0, true, ['env', '-i', '/bin/sh', '-c', 'echo $$; exec sleep 1000'])
    expect([isAlive(away.pid), isAlive(bare.pid)]).toEqual([true, true])
    // What has left both before the guard looked at its output is not found.
    const both = 'read begin; exec setsid --fork /bin/sh -c "echo \\$\\$; exec sleep 1000"'
    const awayAndBare = await driver(0, true, ['env', '-i', '/bin/sh', '-c', both])
    await Promise.all([away, bare, awayAndBare].map(kill))
    await Promise.all([away, bare, awayAndBare].map(({ pid }) => ended(pid)))
  })

  it('lets what cleans up do so, and kills what does not end', async () => {
    const file = join(folder, 'cleaned')
    const trap = (then: string) => `trap '${then}' TERM; echo $$; while :; do sleep 0.05; done`
    const good = await driver(5000, true, ['sh', '-c', trap(`echo yes > "${file}"; exit`)])
    const deaf = await driver(300, true, ['sh', '-c', trap(':')])
    await Promise.all([kill(good), kill(deaf)])
    await Promise.all([ended(good.pid), ended(deaf.pid)])
    expect(readFileSync(file, 'utf8')).toBe('yes\n')
  })
})

it('a bringup that comes to its end leaves alone what was meant to stay', async () => {
  const run = await driver(0, false, ['sleep', '1000'])
  run.child.stdin.end()
  await once(run.child, 'close')
  try {
    // Its guard has ended too: it was waited for.
    expect(isAlive(run.pid)).toBe(true)
  } finally {
    process.kill(run.pid, 'SIGKILL')
  }
})
