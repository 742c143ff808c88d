/** Check-outs that are cut, stalled, interrupted, killed or out of space: what is left, and how the next run goes on. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { attempt, checkOut, refusal } from '../support/check-out.ts'
import { createRepository, gitUser, noise, type Repository } from '../support/git-repositories.ts'
import { serveCutting, serveGit, serveHttp, type TestServer } from '../support/git-servers.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const KiB = 1024
const root = mkdtempSync(join(tmpdir(), 'bringup broken, '))
const served = join(root, 'served')
const env = gitUser(root)

let server: TestServer
let big: Repository
let cwd: string
let count = 0

beforeAll(async () => {
  big = await createRepository(join(served, 'big'), env)
  for (let i = 0; i < 12; i++) await big.commit({ 'blob.bin': noise(60 * KiB) })
  await big.git('tag', 'v1')
  const top = await createRepository(join(served, 'top'), env)
  await top.addSubmodule('big', '../big', await big.git('rev-parse', 'HEAD~3'))
  server = await serveGit(served)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
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
