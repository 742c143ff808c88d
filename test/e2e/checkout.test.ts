/** `bringup checkout` as its users run it, against real servers: what it makes, what it refuses, what it leaves. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { checkoutJson } from '../../src/cli/shapes.ts'
import { type CheckoutOptions, checkOut, refusal } from '../support/check-out.ts'
import { createRepository, gitUser, type Repository } from '../support/git-repositories.ts'
import { serveGit, serveHttp, type TestServer } from '../support/git-servers.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'bringup checkout, '))
const served = join(root, 'served')
const env = gitUser(root)

let server: TestServer
let http: TestServer
let os: Repository
let lib: Repository
let inner: Repository
let firstLib: string
let cwd: string
let count = 0

beforeAll(async () => {
  inner = await createRepository(join(served, 'inner'), env)
  const innerCommit = await inner.commit({ 'inner.txt': 'inner\n' })
  lib = await createRepository(join(served, 'lib'), env)
  firstLib = await lib.commit({ 'lib.txt': 'one\n' })
  await lib.addSubmodule('deep/inner', '../inner', innerCommit)
  os = await createRepository(join(served, 'os'), env)
  await os.commit({ 'kernel.c': 'int main;\n', 'docs/a.md': '# a\n' })
  await os.addSubmodule('lib', '../lib', await lib.git('rev-parse', 'HEAD'))
  await os.git('tag', '-a', 'v1.0', '-m', 'first')
  await os.commit({ 'kernel.c': 'int main(void);\n' })
  await os.git('branch', 'topic', 'v1.0')
  ;[server, http] = await Promise.all([serveGit(served), serveHttp(served, { login: 'me:secret' })])
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

type Options = Omit<CheckoutOptions, 'cwd' | 'env'>
const ok = (from: string, options: Options = {}) => checkOut(from, { cwd, env, ...options })
const refused = (from: string, options: Options = {}) => refusal(from, { cwd, env, ...options })
const bringup = (...args: readonly string[]) =>
  execa(process.execPath, [BIN, 'checkout', ...args], {
    cwd,
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  })

const git = async (folder: string, ...args: readonly string[]) =>
  (await execa('git', args, { cwd: join(cwd, folder), env, extendEnv: false })).stdout
const url = (name: string) => `git://127.0.0.1:${server.port}/${name}`

describe('a new check-out', () => {
  it('has the submodules at their commits, the nested ones too, and is clean', async () => {
    const result = await ok(url('os'))
    expect(result).toMatchObject({
      action: 'cloned',
      ref: { kind: 'branch', name: 'main' },
      isShallow: false,
      diagnostics: [],
    })
    expect(result.submodules.map((s) => s.path)).toEqual(['lib', 'lib/deep/inner'])
    expect(readFileSync(join(cwd, 'os/lib/deep/inner/inner.txt'), 'utf8')).toBe('inner\n')
    expect(await git('os', 'status', '--porcelain', '--branch')).toBe('## main...origin/main')
    expect(await git('os', 'submodule', 'status', '--recursive')).not.toMatch(/^[-+U]/m)
    expect(existsSync(join(cwd, 'os/.git/bringup-checkout.json'))).toBe(false)
  })

  it.each([
    ['topic', 'branch'],
    ['v1.0', 'tag'],
  ])('of %s, with a history of one commit', async (ref, kind) => {
    const result = await ok(url('os'), { folder: 'a b/c', ref: ref, depth: 1, hasSubmodules: false })
    expect(result).toMatchObject({ isShallow: true, ref: { kind, name: ref }, submodules: [] })
    expect(await git('a b/c', 'rev-list', '--count', 'HEAD')).toBe('1')
    expect(result.commit).toBe(await os.git('rev-parse', `${ref}^{commit}`))
    const whole = await ok(url('os'), { folder: 'a b/c', ref: 'main' })
    expect(whole).toMatchObject({ action: 'updated', commit: await os.git('rev-parse', 'main') })
  })

  it('of a commit, full and shortened', async () => {
    const first = await os.git('rev-list', '--max-parents=0', 'main')
    expect((await ok(url('os'), { folder: 'full', ref: first })).commit).toBe(first)
    expect((await ok(url('os'), { folder: 'shallow', ref: first, depth: 1 })).isShallow).toBe(true)
    expect((await ok(url('os'), { folder: 'short', ref: first.slice(0, 9) })).commit).toBe(first)
    expect((await refused(url('os'), { folder: 'x', ref: first.slice(0, 9), depth: 1 })).codes).toEqual([
      'CHECKOUT_REF_SHORT',
    ])
    expect(await refused(url('os'), { folder: 'gone', ref: 'f'.repeat(40) })).toMatchObject({
      codes: ['CHECKOUT_REF_UNKNOWN'],
    })
  })

  it('fetches a submodule’s commit that is not at a tip, though shallow', async () => {
    const old = await createRepository(join(served, 'old'), env)
    await old.addSubmodule('lib', '../lib', firstLib)
    const result = await ok(url('old'), { depth: 1 })
    expect(result.submodules).toMatchObject([{ path: 'lib', commit: firstLib }])
    // By the first version of the protocol a server hands out tips only, so that the whole submodule has to come.
    const config = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'protocol.version', GIT_CONFIG_VALUE_0: '0' }
    const whole = await checkOut(url('old'), { cwd, env: { ...env, ...config }, folder: 'v0', depth: 1 })
    expect(whole.submodules).toMatchObject([{ path: 'lib', commit: firstLib }])
    expect(await git('v0/lib', 'rev-parse', '--is-shallow-repository')).toBe('false')
  })

  it('takes over the kind of ids that the server has', async () => {
    const path = join(served, 'sha256')
    await execa('git', ['init', '--quiet', '--object-format=sha256', path], { env, extendEnv: false })
    await (await createRepository(path, env)).commit({ a: 'a\n' })
    expect((await ok(url('sha256'))).commit).toHaveLength(64)
  })

  it('fetches file contents when they are needed, where the server can', async () => {
    expect(
      (await ok(url('os'), { folder: 'whole', filter: 'blob:none' })).diagnostics.map((d) => d.code),
    ).toContain('CHECKOUT_FILTER_IGNORED')
    await os.git('config', 'uploadpack.allowFilter', 'true')
    await ok(url('os'), { folder: 'partial', filter: 'blob:none' })
    expect(await git('partial', 'rev-list', '--objects', '--missing=print', '--all')).toMatch(/^\?/m)
    expect(readFileSync(join(cwd, 'partial/kernel.c'), 'utf8')).toBe('int main(void);\n')
  })

  it('of a profile of the project, by the command', async () => {
    const config = `export default { profiles: [{ name: 'mine', defaults: {}, judgement: {}, prepare: () => ({ machine: {} }), source: { url: '${url('os')}', ref: 'v1.0' } }] }`
    writeFileSync(join(cwd, 'bringup.config.mjs'), config)
    const { stdout, stderr, exitCode } = await bringup('mine', 'a folder', '--json', '--filter', 'partial')
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(checkoutJson.strict().parse(JSON.parse(stdout))).toMatchObject({
      ref: { kind: 'tag', name: 'v1.0' },
    })
    expect((await bringup('mien')).stderr).toContain('did you mean mine?')
    expect((await bringup('probe')).stderr).toContain('CHECKOUT_NO_SOURCE')
    expect((await bringup('mine', '--depth', '0')).stderr).toContain('--depth wants a whole number above 0')
    const again = await bringup('mine', 'a folder')
    expect(again.stdout).toContain('nothing to do in')
    expect(again.stderr).toMatch(/^fetching .*…$/m)
  })
})

describe('a check-out that is there', () => {
  it('is left alone, follows the server when it is told to, and keeps what is yours', async () => {
    await ok(url('os'))
    expect(await ok(url('os'))).toMatchObject({ action: 'unchanged', ref: null })
    expect(await ok(url('os'), { ref: 'v1.0' })).toMatchObject({ action: 'updated' })
    writeFileSync(join(cwd, 'os/kernel.c'), 'mine\n')
    expect(await ok(url('os'))).toMatchObject({ action: 'unchanged' })
    expect(await refused(url('os'), { ref: 'main' })).toMatchObject({
      began: false,
      codes: ['CHECKOUT_TREE_CHANGED'],
    })
    await git('os', 'checkout', '--quiet', '--', 'kernel.c')
    writeFileSync(join(cwd, 'os/new.c'), 'mine\n')
    const tip = await os.commit({ 'new.c': 'theirs\n' })
    expect(await refused(url('os'), { ref: 'main' })).toMatchObject({
      began: true,
      codes: ['CHECKOUT_UNTRACKED_IN_THE_WAY'],
    })
    expect(readFileSync(join(cwd, 'os/new.c'), 'utf8')).toBe('mine\n')
    rmSync(join(cwd, 'os/new.c'))
    expect((await ok(url('os'), { ref: 'main' })).commit).toBe(tip)
    await git('os', 'commit', '--quiet', '--allow-empty', '--message', 'mine')
    expect(await ok(url('os'), { ref: 'main' })).toMatchObject({ action: 'unchanged' })
    await os.commit({ 'new.c': 'more\n' })
    expect((await refused(url('os'), { ref: 'main' })).codes).toEqual(['CHECKOUT_BRANCH_DIVERGED'])
  })

  it('follows submodules to their new addresses, and never away from work in them', async () => {
    const main = await createRepository(join(served, 'moving'), env)
    await main.addSubmodule('lib', '../lib', firstLib)
    await ok(url('moving'))
    const moved = await createRepository(join(served, 'moved-lib'), env)
    await moved.git('pull', '--quiet', lib.path, 'main')
    const commit = await moved.commit({ 'lib.txt': 'three\n' })
    writeFileSync(join(main.path, '.gitmodules'), '[submodule "lib"]\n\tpath = lib\n\turl = ../moved-lib\n')
    await main.git('update-index', '--cacheinfo', `160000,${commit},lib`)
    await main.git('commit', '--quiet', '--all', '--message', 'moved')
    writeFileSync(join(cwd, 'moving/lib/lib.txt'), 'mine\n')
    expect(await refused(url('moving'), { ref: 'main' })).toMatchObject({
      began: true,
      codes: expect.arrayContaining(['SUBMODULE_CHANGED']),
    })
    await git('moving/lib', 'checkout', '--quiet', '--', 'lib.txt')
    const result = await ok(url('moving'), { ref: 'main' })
    expect(result.action).toBe('resumed')
    expect(await git('moving/lib', 'rev-parse', 'HEAD')).toBe(commit)
    expect(await git('moving/lib', 'remote', 'get-url', 'origin')).toBe(url('moved-lib'))
  })
})

describe('what is in the way', () => {
  it('is told before anything is made', async () => {
    mkdirSync(join(cwd, 'full'))
    writeFileSync(join(cwd, 'full/notes.txt'), '')
    const empty = await createRepository(join(served, 'empty'), env)
    expect(empty.path).toBeTruthy()
    expect((await refused(url('os'), { folder: 'full' })).codes).toEqual(['CHECKOUT_FOLDER_TAKEN'])
    expect((await refused(url('os'), { folder: 'full/notes.txt' })).codes).toEqual(['CHECKOUT_FOLDER_TAKEN'])
    expect((await refused(url('os'), { folder: 'full/notes.txt/x' })).codes).toEqual([
      'CHECKOUT_FOLDER_TAKEN',
    ])
    expect((await refused(url('os'), { ref: 'mian' })).diagnostics[0]?.remedy).toBe('did you mean main?')
    expect((await refused(url('os'), { ref: '1.0' })).diagnostics[0]?.remedy).toBe('did you mean v1.0?')
    expect((await refused(url('empty'))).codes).toEqual(['CHECKOUT_EMPTY_REPOSITORY'])
    expect((await refused(url('nothing'))).codes).toEqual(['GIT_NOT_A_REPOSITORY'])
    expect((await refused(served)).codes).toEqual(['GIT_NOT_A_REPOSITORY'])
    expect((await refused(`http://127.0.0.1:${http.port}/os`)).codes).toEqual(['GIT_AUTH_REQUIRED'])
    expect((await refused('http://127.0.0.1:1/os')).codes).toEqual(['GIT_HOST_UNREACHABLE'])
    expect((await refused('ext::sh -c date')).codes).toEqual(['CHECKOUT_URL_UNUSABLE'])
    expect((await refused('-oProxyCommand=x')).codes).toEqual(['CHECKOUT_URL_UNUSABLE'])
    expect(readdirSync(cwd)).toEqual(['full'])
  })

  it('a clone of something else, and a password is shown to nobody', async () => {
    const secret = `http://me:secret@127.0.0.1:${http.port}`
    const result = await ok(`${secret}/lib`, { folder: 'there', hasSubmodules: false })
    expect(result).toMatchObject({ action: 'cloned', url: `http://me@127.0.0.1:${http.port}/lib` })
    expect(JSON.stringify(await refused(`${secret}/nothing`))).not.toContain('secret')
    expect((await refused(url('os'), { folder: 'there' })).codes).toEqual(['CHECKOUT_OTHER_SOURCE'])
  })

  it('git: missing, or too old', async () => {
    const bin = join(cwd, 'bin')
    mkdirSync(bin)
    const withPath = () =>
      execa(process.execPath, [BIN, 'checkout', url('os'), '--json'], {
        cwd,
        env: { PATH: bin },
        extendEnv: false,
        reject: false,
      })
    expect(JSON.parse((await withPath()).stdout).diagnostics[0].code).toBe('GIT_MISSING')
    writeFileSync(join(bin, 'git'), '#!/bin/sh\necho git version 2.17.1\n', { mode: 0o755 })
    expect(JSON.parse((await withPath()).stdout).diagnostics[0].code).toBe('GIT_TOO_OLD')
  })
})

it('tells of every submodule that fails: which, the commit, what the server has; then goes on', async () => {
  const main = await createRepository(join(served, 'broken'), env)
  await main.addSubmodule('gone', '../lib', '1'.repeat(40))
  await main.addSubmodule('fine', '../inner', await inner.git('rev-parse', 'HEAD'))
  await main.addSubmodule('missing', '../nowhere', '2'.repeat(40))
  await main.git('update-index', '--add', '--cacheinfo', `160000,${'3'.repeat(40)},undeclared`)
  await main.git('commit', '--quiet', '--message', 'undeclared')
  const { began, diagnostics } = await refused(url('broken'))
  expect(began).toBe(true)
  expect(Object.fromEntries(diagnostics.map((d) => [d.path, d.code]))).toEqual({
    'submodules.gone': 'SUBMODULE_COMMIT_GONE',
    'submodules.missing': 'GIT_NOT_A_REPOSITORY',
    'submodules.undeclared': 'SUBMODULE_NOT_DECLARED',
  })
  const gone = diagnostics.find((d) => d.code === 'SUBMODULE_COMMIT_GONE')
  expect(gone?.what).toContain('1'.repeat(40))
  expect(gone?.evidence?.join('\n')).toContain('main')
  expect(existsSync(join(cwd, 'broken/fine/inner.txt'))).toBe(true)
  // Only submodules are missing, so the user may have edited the files.
  writeFileSync(join(cwd, 'broken/.gitmodules'), 'mine')
  expect((await refused(url('broken'), { ref: 'main' })).codes).toEqual(['CHECKOUT_TREE_CHANGED'])
  await git('broken', 'checkout', '--quiet', '--', '.gitmodules')
  const again = await bringup(url('broken'))
  expect(again.exitCode).toBe(1)
  expect(again.stderr).toContain('going on with')
  expect(again.stderr).toContain('is not complete')
  expect(await ok(url('broken'), { hasSubmodules: false })).toMatchObject({ action: 'resumed' })
})
