/** SSH or HTTPS, against a real sshd and a real HTTPS server: with a key, without one, with unknown and changed host keys. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { BringupError } from '../../src/diagnostics.ts'
import { attempt, checkOut, refusal } from '../support/check-out.ts'
import { createRepository, gitUser, type Repository } from '../support/git-repositories.ts'
import {
  HOST,
  makeCertificate,
  type SshServer,
  serveHttp,
  serveProxy,
  serveSsh,
  type TestServer,
} from '../support/git-servers.ts'

const root = mkdtempSync(join(tmpdir(), 'bringup-ssh-'))
const served = join(root, 'served')
const user = gitUser(root)

let open: SshServer
let closed: SshServer
let strange: SshServer
let others: readonly TestServer[]
/** Whose HTTPS goes through the proxy to the test's server. */
let env: Record<string, string>
let os: Repository
let lib: Repository
let cwd: string
let count = 0

beforeAll(async () => {
  const tls = join(root, 'tls')
  await makeCertificate(tls)
  const https = await serveHttp(served, { tls })
  const proxy = await serveProxy(https.port)
  others = [proxy, https]
  env = { ...user, https_proxy: `http://127.0.0.1:${proxy.port}`, GIT_SSL_CAINFO: join(tls, 'cert.pem') }
  ;[open, closed, strange] = await Promise.all([
    serveSsh(served, join(root, 'open'), { isAuthorized: true, isKnown: true }),
    serveSsh(served, join(root, 'closed'), { isAuthorized: false, isKnown: true }),
    serveSsh(served, join(root, 'strange'), { isAuthorized: true, isKnown: false }),
  ])
  lib = await createRepository(join(served, 'me/lib'), user)
  const inner = await createRepository(join(served, 'me/inner'), user)
  await lib.addSubmodule(
    'inner',
    `ssh://${open.prefix.replace(':', '/')}me/inner`,
    await inner.commit({ i: 'i\n' }),
  )
  os = await createRepository(join(served, 'me/os'), user)
  await os.addSubmodule('lib', `${open.prefix}me/lib`, await lib.git('rev-parse', 'HEAD'))
})
afterAll(async () => {
  for (const server of [open, closed, strange, ...others]) await server[Symbol.asyncDispose]()
  rmSync(root, { recursive: true })
})
beforeEach(() => {
  cwd = join(root, `case ${++count}`)
  mkdirSync(cwd)
})

const git = async (folder: string, ...args: readonly string[]) =>
  (
    await execa('git', args, {
      cwd: join(cwd, folder),
      env: { ...env, GIT_SSH_COMMAND: closed.command },
      extendEnv: false,
    })
  ).stdout
const by = (server: SshServer) => ({ cwd, env: { ...env, GIT_SSH_COMMAND: server.command } })

it('uses SSH where a key works', async () => {
  const result = await checkOut(`${open.prefix}me/os`, by(open))
  expect(result).toMatchObject({ rewrites: [], diagnostics: [] })
  expect(result.submodules.map((s) => s.path)).toEqual(['lib', 'lib/inner'])
})

it('goes by HTTPS where none does, in that clone only, for plain git afterwards too, and edits no file', async () => {
  const result = await checkOut(`https://${HOST}/me/os`, by(closed))
  expect(result.diagnostics.map((d) => d.code)).toEqual(['CHECKOUT_OVER_HTTPS'])
  expect(result.diagnostics[0]?.what).toContain('no SSH key of yours is accepted there')
  expect(result.rewrites.map((r) => r.to)).toEqual([`https://${HOST}/`, `https://${HOST}/`])
  expect(await git('os', 'status', '--porcelain')).toBe('')
  expect(readFileSync(join(cwd, 'os/.gitmodules'), 'utf8')).toContain(open.prefix)
  expect(readFileSync(join(root, 'gitconfig'), 'utf8')).not.toContain('insteadOf')
  const commit = await lib.commit({ more: 'more\n' })
  await os.git('update-index', '--cacheinfo', `160000,${commit},lib`)
  await os.git('commit', '--quiet', '--message', 'newer lib')
  await git('os', 'pull', '--quiet')
  await git('os', 'submodule', 'update', '--recursive')
  expect(await git('os/lib', 'rev-parse', 'HEAD')).toBe(commit)
  // With a key and `--protocol ssh`, the rewrite is taken out again.
  await checkOut(`https://${HOST}/me/os`, { ...by(open), protocol: 'ssh' })
  expect(await git('os', 'config', '--list', '--local')).not.toContain('insteadof')
  expect(await git('os/lib', 'config', '--list', '--local')).not.toContain('insteadof')
})

it('tries once for each host, and not at all with --protocol https', async () => {
  const outcome = await attempt(`${closed.prefix}me/os`, by(closed))
  if (!('result' in outcome)) throw new BringupError(outcome.diagnostics)
  const { result: auto, events } = outcome
  expect(events.filter((e) => e.kind === 'phase' && e.what.startsWith('trying SSH'))).toHaveLength(1)
  expect(auto.rewrites.map((r) => r.from)).toEqual([
    closed.prefix,
    `ssh://${closed.prefix.replace(':', '/')}`,
  ])
  expect(await git('os', 'remote', 'get-url', 'origin')).toBe(`https://${HOST}/me/os`)
  expect(await git('os', 'config', 'remote.origin.url')).toBe(`${closed.prefix}me/os`)
  const https = await checkOut(`${closed.prefix}me/os`, { ...by(closed), folder: 'https', protocol: 'https' })
  expect(https).toMatchObject({ diagnostics: [], rewrites: auto.rewrites })
})

it('with --protocol ssh, says what SSH lacks', async () => {
  expect(await refusal(`${closed.prefix}me/os`, { ...by(closed), protocol: 'ssh' })).toMatchObject({
    began: false,
    codes: ['GIT_SSH_DENIED'],
  })
})

it('accepts no host key that is not known, and none that has changed', async () => {
  const unknown = await checkOut(`${strange.prefix}me/os`, by(strange))
  expect(unknown.diagnostics.map((d) => d.code)).toEqual(['CHECKOUT_OVER_HTTPS'])
  expect(unknown.diagnostics[0]?.remedy).toContain(`ssh -T ${strange.prefix.slice(0, -1)}`)
  expect(readFileSync(strange.knownHosts, 'utf8')).toBe('')
  const ssh = { ...by(strange), folder: 'ssh', protocol: 'ssh' } as const
  expect((await refusal(`${strange.prefix}me/os`, ssh)).codes).toEqual(['GIT_HOST_KEY_UNKNOWN'])
  expect(readFileSync(strange.knownHosts, 'utf8')).toBe('')
  const other = readFileSync(open.knownHosts, 'utf8').replace(`:${open.port}`, `:${strange.port}`)
  writeFileSync(strange.knownHosts, other)
  expect((await refusal(`${strange.prefix}me/os`, ssh)).codes).toEqual(['GIT_HOST_KEY_CHANGED'])
  const changed = await checkOut(`${strange.prefix}me/os`, { ...by(strange), folder: 'changed' })
  expect(changed.diagnostics.map((d) => d.code)).toEqual(['CHECKOUT_HOST_KEY_CHANGED'])
})

it('when HTTPS fails too, tells why it was taken', async () => {
  const without = { ...env, GIT_SSL_CAINFO: '/dev/null', GIT_SSH_COMMAND: closed.command }
  expect((await refusal(`${closed.prefix}me/os`, { cwd, env: without })).codes).toEqual([
    'GIT_CERTIFICATE',
    'CHECKOUT_OVER_HTTPS',
  ])
})
