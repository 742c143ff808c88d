/** Check-outs that are cut, stalled, interrupted, killed or out of space: what is left, and how the next run goes on. */
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
import { fileURLToPath } from 'node:url'
import { execa, type ResultPromise } from 'execa'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { attempt, checkOut, refusal } from '../support/check-out.ts'
import { createRepository, gitUser, noise, type Repository } from '../support/git-repositories.ts'
import { serveCutting, serveGit, serveHttp, serveStalling, type TestServer } from '../support/git-servers.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const KiB = 1024
const root = mkdtempSync(join(tmpdir(), 'bringup broken, '))
const served = join(root, 'served')
const env = gitUser(root)

let server: TestServer
let http: TestServer
let big: Repository
let cwd: string
let count = 0

beforeAll(async () => {
  big = await createRepository(join(served, 'big'), env)
  for (let i = 0; i < 12; i++) await big.commit({ 'blob.bin': noise(60 * KiB) })
  await big.git('tag', 'v1')
  const top = await createRepository(join(served, 'top'), env)
  await top.addSubmodule('big', '../big', await big.git('rev-parse', 'HEAD~3'))
  ;[server, http] = await Promise.all([serveGit(served), serveHttp(served)])
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await http[Symbol.asyncDispose]()
  rmSync(root, { recursive: true })
})
beforeEach(() => {
  cwd = join(root, `case ${++count}`)
  mkdirSync(cwd)
})

const git = async (folder: string, ...args: readonly string[]) =>
  (await execa('git', args, { cwd: join(cwd, folder), env, extendEnv: false })).stdout
const at = (port: number, name: string) => `git://127.0.0.1:${port}/${name}`

describe('a connection that breaks', () => {
  it('in a transfer that never passes whole: the history comes in pieces', async () => {
    await using cutting = await serveCutting(server.port, 200 * KiB)
    const outcome = await attempt(at(cutting.port, 'big'), { cwd, env })
    expect(outcome).toMatchObject({ result: { action: 'cloned', isShallow: false } })
    expect(cutting.cuts()).toBeGreaterThan(1)
    expect(await git('big', 'rev-list', '--count', 'HEAD')).toBe('12')
    expect(await git('big', 'tag')).toBe('v1')
    await git('big', 'fsck', '--strict')
  })

  it('before anything has come leaves nothing, and later what has come, for the next run', async () => {
    await using hopeless = await serveCutting(server.port, 30 * KiB)
    expect(await refusal(at(hopeless.port, 'big'), { cwd, env })).toMatchObject({
      began: true,
      codes: ['GIT_CONNECTION_BROKEN'],
    })
    expect(readdirSync(cwd)).toEqual([])
    const failed = await refusal(at(hopeless.port, 'top'), { cwd, env })
    expect(failed).toMatchObject({
      codes: ['GIT_CONNECTION_BROKEN'],
      diagnostics: [{ path: 'submodules.big' }],
    })
    expect(existsSync(join(cwd, 'top/.git/bringup-checkout.json'))).toBe(true)
    // One commit passes here, two do not: what has passed stays, and is not taken for all.
    await using poor = await serveCutting(server.port, 70 * KiB)
    await git('top', 'config', 'remote.origin.url', at(poor.port, 'top'))
    await git('top', 'config', 'submodule.big.url', at(poor.port, 'big'))
    for (const _ of [1, 2])
      expect(await attempt(at(poor.port, 'top'), { cwd, env })).toMatchObject({
        codes: ['GIT_CONNECTION_BROKEN'],
      })
    await using better = await serveCutting(server.port, 200 * KiB)
    // The same clone, and an address that works better.
    await git('top', 'config', 'remote.origin.url', at(better.port, 'top'))
    await git('top', 'config', 'submodule.big.url', at(better.port, 'big'))
    const result = await checkOut(at(better.port, 'top'), { cwd, env })
    expect(result).toMatchObject({ action: 'resumed', submodules: [{ path: 'big' }] })
    expect(await git('top/big', 'rev-list', '--count', 'HEAD')).toBe('9')
    expect(await git('top/big', 'rev-parse', '--is-shallow-repository')).toBe('false')
  })
})

const start = (...args: readonly string[]) =>
  execa(process.execPath, [BIN, 'checkout', ...args], {
    cwd,
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  })

/** Processes that work in this case's folder. */
function workers(): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && Number(pid) !== process.pid && readlinkSync(`/proc/${pid}/cwd`).startsWith(cwd)
      )
    } catch {
      return false
    }
  })
}

/** The guard outlives bringup by a moment, and longer on a loaded computer. */
const allGone = () => vi.waitFor(() => expect(workers()).toEqual([]), { timeout: 1_000_000, interval: 20 })

/** Half-received packs, and locks of git's. */
const leftovers = (folder: string) =>
  readdirSync(join(cwd, folder, '.git'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(^|\/)tmp_|\.lock$/.test(name),
  )

async function kill(command: ResultPromise): Promise<void> {
  command.kill('SIGKILL')
  await command
  await allGone()
}

describe('an end by force', () => {
  it.each(['big', 'top'])('in the transfer of %s: nothing goes on, and the next run does', async (name) => {
    // The tree of `top` comes within the first bytes, its submodule does not.
    await using stalling = await serveStalling(http.port, 100 * KiB)
    const url = `http://127.0.0.1:${stalling.port}/${name}`
    const command = start(url)
    await stalling.stalled
    await kill(command)
    const stage = name === 'big' ? 'fetch' : 'submodules'
    expect(JSON.parse(readFileSync(join(cwd, name, '.git/bringup-checkout.json'), 'utf8'))).toMatchObject({
      stage,
    })
    // A power cut would have left these as well.
    for (const left of ['index.lock', 'shallow.lock', 'objects/pack/tmp_pack_x'])
      writeFileSync(join(cwd, name, '.git', left), '')
    expect(await checkOut(url, { cwd, env })).toMatchObject({ action: 'resumed' })
    expect(await git(name, 'status', '--porcelain')).toBe('')
    expect(await git(name, 'submodule', 'status')).not.toMatch(/^[-+]/m)
    expect(leftovers(name)).toEqual([])
    await git(name, 'fsck')
  })

  it('while files are written, in a clone that was there: the next run writes the rest, and nothing over edits', async () => {
    const slow = await createRepository(join(served, 'slow'), env)
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}.txt`, 'old\n']))
    await slow.commit({ ...files, 'gone.txt': 'old\n' })
    const url = at(server.port, 'slow')
    await checkOut(url, { cwd, env })
    rmSync(join(slow.path, 'gone.txt'))
    const fresh = Object.fromEntries(Object.keys(files).map((name) => [name, 'new\n']))
    await slow.commit({ ...fresh, '.gitattributes': 'f9.txt filter=slow\n' })
    // git runs this filter for one file, and it takes forever, until it is killed.
    const started = join(cwd, 'started')
    writeFileSync(join(cwd, 'filter'), `#!/bin/sh\n: > '${started}'\nexec tail -f /dev/null\n`, {
      mode: 0o755,
    })
    await git('slow', 'config', 'filter.slow.smudge', `'${join(cwd, 'filter')}'`)
    const command = start(url, '--ref', 'main')
    await vi.waitFor(() => expect(existsSync(started)).toBe(true), { timeout: 1_000_000, interval: 20 })
    await kill(command)
    await git('slow', 'config', '--unset', 'filter.slow.smudge')
    writeFileSync(join(cwd, 'slow/f3.txt'), 'mine\n')
    expect((await refusal(url, { cwd, env })).codes).toEqual(['CHECKOUT_TREE_HALF_WRITTEN'])
    expect(readFileSync(join(cwd, 'slow/f3.txt'), 'utf8')).toBe('mine\n')
    writeFileSync(join(cwd, 'slow/f3.txt'), 'old\n')
    expect(await checkOut(url, { cwd, env })).toMatchObject({ action: 'resumed', ref: { name: 'main' } })
    expect(await git('slow', 'status', '--porcelain', '--branch')).toBe('## main...origin/main')
    expect(await git('slow', 'rev-parse', 'HEAD')).toBe(await slow.git('rev-parse', 'HEAD'))
  })

  it('by Ctrl-C: exit code 130, and what is left is said', async () => {
    await using stalling = await serveStalling(http.port, 100 * KiB)
    const first = start(`http://127.0.0.1:${stalling.port}/big`, 'a/b')
    await stalling.stalled
    first.kill('SIGINT')
    expect(await first).toMatchObject({
      exitCode: 130,
      stdout: '',
      stderr: expect.stringContaining('Nothing was left behind.'),
    })
    await allGone()
    expect(readdirSync(cwd)).toEqual([])
    await using second = await serveStalling(http.port, 100 * KiB)
    const command = start(`http://127.0.0.1:${second.port}/top`)
    await second.stalled
    command.kill('SIGINT')
    expect(await command).toMatchObject({
      exitCode: 130,
      stderr: expect.stringContaining('run the same command again to go on'),
    })
    await allGone()
    expect(leftovers('top')).toEqual([])
  })

  it('is not confused with another run that still works there', async () => {
    await using stalling = await serveStalling(http.port, 100 * KiB)
    const url = `http://127.0.0.1:${stalling.port}/big`
    const command = start(url)
    await stalling.stalled
    expect((await refusal(url, { cwd, env })).codes).toEqual(['CHECKOUT_RUNNING'])
    await kill(command)
  })
})

// Only root may mount the small file system that this needs.
describe.skipIf(process.getuid?.() !== 0)('a full disk', () => {
  it('is told, leaves nothing half done, and the next run goes on once there is space', async () => {
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', cwd])
    try {
      const url = at(server.port, 'big')
      expect(await refusal(url, { cwd, env })).toMatchObject({ began: true, codes: ['GIT_NO_SPACE'] })
      expect(readdirSync(cwd)).toEqual([])
      expect((await refusal(at(server.port, 'top'), { cwd, env })).codes).toEqual(['GIT_NO_SPACE'])
      expect(leftovers('top')).toEqual([])
      await execa('mount', ['-o', 'remount,size=8m', cwd])
      expect(await checkOut(at(server.port, 'top'), { cwd, env })).toMatchObject({ action: 'resumed' })
    } finally {
      await execa('umount', [cwd])
    }
  })
})
