/** Real processes that do what they can to get away. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { buildReaper } from './reaper.ts'

const folder = mkdtempSync(join(tmpdir(), 'reaper-'))
afterAll(() => rmSync(folder, { recursive: true }))
let reaper = ''
beforeAll(async () => {
  reaper = (await buildReaper({ cacheFolder: join(folder, 'cache') })) ?? ''
})

const isAlive = (pid: number) => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
const pidIn = (file: string) =>
  vi.waitFor(() => {
    const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
    expect(pid).toBeGreaterThan(0)
    return pid
  }, 60_000)
const gone = (pid: number) => vi.waitFor(() => expect(isAlive(pid)).toBe(false), 60_000)

/** Leaves its session, clears its environment, closes its output, and loses its parent. */
const away = (file: string) =>
  `env -i PATH=/usr/bin:/bin setsid --fork sh -c 'echo $$ > ${file}; exec sleep 1000' > /dev/null 2>&1 < /dev/null`

const run = (script: string) =>
  spawn(reaper, [`${process.pid}`, 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })

describe('the reaper', () => {
  it('ends as the program ends', async () => {
    expect(await once(run('exit 7'), 'exit')).toEqual([7, null])
    expect(await once(run('kill -TERM $$'), 'exit')).toEqual([null, 'SIGTERM'])
    const child = spawn(reaper, [`${process.pid}`, '/no/such/program'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const says = once(child.stderr.setEncoding('utf8'), 'data')
    expect(await once(child, 'exit')).toEqual([127, null])
    expect(await says).toEqual(['reaper: failed to execute /no/such/program: No such file or directory\n'])
  })

  it('leaves alone what a program that succeeds has left running, and takes along what one that fails has', async () => {
    const [stays, goes] = [join(folder, 'stays'), join(folder, 'goes')]
    const waits = (file: string) => `while [ ! -s ${file} ]; do sleep 0.01; done`
    expect(await once(run(`${away(stays)}; ${waits(stays)}`), 'exit')).toEqual([0, null])
    const pid = await pidIn(stays)
    expect(isAlive(pid)).toBe(true)
    process.kill(pid, 'SIGKILL')
    expect(await once(run(`${away(goes)}; ${waits(goes)}; exit 1`), 'exit')).toEqual([1, null])
    await gone(await pidIn(goes))
  })

  it('kills all of it on SIGUSR1, and hands SIGTERM on', async () => {
    const file = join(folder, 'asked')
    const child = run(`${away(file)}; trap 'echo heard' TERM; echo ready; while :; do sleep 0.05; done`)
    const lines: string[] = []
    child.stdout.setEncoding('utf8').on('data', (text) => lines.push(text))
    await vi.waitFor(() => expect(lines.join('')).toContain('ready'), 60_000)
    child.kill('SIGTERM')
    await vi.waitFor(() => expect(lines.join('')).toContain('heard'), 60_000)
    const pid = await pidIn(file)
    const ended = once(child, 'exit')
    child.kill('SIGUSR1')
    expect(await ended).toEqual([null, 'SIGKILL'])
    await gone(pid)
  })

  it('kills all of it when its parent is killed', async () => {
    const file = join(folder, 'orphan')
    const script = `require('child_process').spawn(process.argv[1], [String(process.pid), 'sh', '-c', process.argv[2]], { stdio: 'ignore', detached: true }); setInterval(() => {}, 1000)`
    const parent = spawn(process.execPath, ['-e', script, reaper, `${away(file)}; exec sleep 1000`], {
      stdio: 'ignore',
    })
    const pid = await pidIn(file)
    parent.kill('SIGKILL')
    await gone(pid)
  })

  it('starts nothing for a parent that has gone', async () => {
    const child = spawn(reaper, ['1', 'touch', join(folder, 'never')], { stdio: 'ignore' })
    expect(await once(child, 'exit')).toEqual([137, null])
    expect(existsSync(join(folder, 'never'))).toBe(false)
  })
})
