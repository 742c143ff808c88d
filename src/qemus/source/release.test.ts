import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { downloadRelease, newestIn, newestRelease, releaseSite } from './release.ts'
import { dearmoured, judgeStatus, RELEASE_KEYS, type ReleaseKeys } from './signature.ts'

/** Big enough for several packets, not compressible to nothing. */
const CONTENT = Buffer.from(Array.from({ length: 400_000 }, (_, i) => (i * 7919) % 251))

interface Request {
  readonly path: string
  readonly range: string | undefined
}

let home: string
let keys: ReleaseKeys
let other: string
let server: Server
let base: string
let files: Map<string, Buffer>
let requests: Request[]
let knowsRanges: boolean
/** Bytes after which the connection is cut. */
let cutAt: number | undefined

const gpg = (...args: readonly string[]) =>
  execFileSync(
    'gpg',
    [
      '--homedir',
      join(home, 'gpg'),
      '--batch',
      '--quiet',
      '--pinentry-mode',
      'loopback',
      '--passphrase',
      '',
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
const newKey = (name: string) => gpg('--quick-generate-key', name, 'ed25519', 'sign', 'never')
const fingerprintOf = (name: string) =>
  /^fpr:+([0-9A-F]{40}):/m.exec(gpg('--with-colons', '--list-keys', name).toString())?.[1] ?? ''
const signedBy = (name: string, content: Buffer) => {
  const path = join(home, 'to-sign')
  writeFileSync(path, content)
  return gpg('--local-user', name, '--detach-sign', '--output', '-', path)
}

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'bringup-release-'))
  mkdirSync(join(home, 'gpg'), { mode: 0o700 })
  newKey('release@example')
  newKey('other@example')
  writeFileSync(join(home, 'keys.asc'), gpg('--armor', '--export', 'release@example'))
  keys = { file: join(home, 'keys.asc'), fingerprints: [fingerprintOf('release@example')] }
  other = 'other@example'
  server = createServer((request, response) => {
    const range = request.headers.range
    requests.push({ path: request.url ?? '', range })
    const content = files.get(request.url ?? '')
    if (content === undefined) return void response.writeHead(404).end()
    const from = knowsRanges ? Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0) : 0
    if (from >= content.length) return void response.writeHead(416).end()
    const part = content.subarray(from)
    const isPart = knowsRanges && range !== undefined
    response.writeHead(isPart ? 206 : 200, {
      'content-length': part.length,
      ...(isPart ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
    })
    if (cutAt === undefined || !request.url?.endsWith('.xz')) return void response.end(part)
    const sent = part.subarray(0, cutAt)
    cutAt = undefined
    response.write(sent, () => response.destroy())
  })
  return new Promise<void>((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      resolve()
    }),
  )
})
afterAll(() => {
  server.close()
  execFileSync('gpgconf', ['--homedir', join(home, 'gpg'), '--kill', 'all'])
  rmSync(home, { recursive: true, force: true })
})

beforeEach(() => {
  requests = []
  knowsRanges = true
  cutAt = undefined
  files = new Map([
    ['/qemu-8.2.1.tar.xz', CONTENT],
    ['/qemu-8.2.1.tar.xz.sig', signedBy('release@example', CONTENT)],
  ])
})
afterEach(() => rmSync(join(home, 'downloads'), { recursive: true, force: true }))

const fetchIt = () =>
  downloadRelease('8.2.1', join(home, 'downloads'), {
    site: releaseSite(base, keys),
    signal: new AbortController().signal,
    progress: () => {},
  })
const tarball = () => join(home, 'downloads/qemu-8.2.1.tar.xz')

test('a release is downloaded and its signature checked; the second time it is only checked', async () => {
  const { file, signedBy: signer } = await fetchIt()
  expect(readFileSync(file).equals(CONTENT)).toBe(true)
  expect(signer).toBe(keys.fingerprints[0])
  requests = []
  await fetchIt()
  expect(requests).toEqual([])
})

test('a download that was cut off goes on where it stopped', async () => {
  cutAt = 100_000
  await expect(fetchIt()).rejects.toMatchObject({ code: 'QEMU_DOWNLOAD_FAILED' })
  const had = statSync(`${tarball()}.part`).size
  expect(had).toBeGreaterThan(0)
  requests = []
  await fetchIt()
  expect(requests.map((r) => r.range)).toEqual([`bytes=${had}-`])
  expect(readFileSync(tarball()).equals(CONTENT)).toBe(true)
})

test('a server without ranges is asked for the whole file', async () => {
  mkdirSync(join(home, 'downloads'))
  writeFileSync(`${tarball()}.part`, CONTENT.subarray(0, 1000))
  knowsRanges = false
  await fetchIt()
  expect(readFileSync(tarball()).equals(CONTENT)).toBe(true)
})

test('a part that was complete already, and one of another file, end in a whole file', async () => {
  mkdirSync(join(home, 'downloads'))
  writeFileSync(`${tarball()}.part`, CONTENT)
  await fetchIt()
  rmSync(tarball())
  writeFileSync(`${tarball()}.part`, Buffer.alloc(5000, 1))
  await fetchIt()
  expect(readFileSync(tarball()).equals(CONTENT)).toBe(true)
})

test('another content, another key and no signature are refused, and nothing is kept', async () => {
  files.set('/qemu-8.2.1.tar.xz', Buffer.concat([CONTENT, Buffer.from('x')]))
  await expect(fetchIt()).rejects.toMatchObject({ code: 'QEMU_SIGNATURE_WRONG' })
  expect(existsSync(tarball())).toBe(false)
  files.set('/qemu-8.2.1.tar.xz', CONTENT)
  files.set('/qemu-8.2.1.tar.xz.sig', signedBy(other, CONTENT))
  await expect(fetchIt()).rejects.toMatchObject({ code: 'QEMU_SIGNATURE_WRONG' })
  files.set('/qemu-8.2.1.tar.xz.sig', Buffer.from('no signature'))
  await expect(fetchIt()).rejects.toMatchObject({ code: 'QEMU_SIGNATURE_WRONG' })
  files.delete('/qemu-8.2.1.tar.xz.sig')
  await expect(fetchIt()).rejects.toMatchObject({ code: 'QEMU_RELEASE_UNKNOWN' })
})

test('a kept download that was damaged is downloaded again', async () => {
  await fetchIt()
  truncateSync(tarball(), 1000)
  await fetchIt()
  expect(readFileSync(tarball()).equals(CONTENT)).toBe(true)
})

test('two downloads at once do not interfere', async () => {
  const both = await Promise.all([fetchIt(), fetchIt()])
  expect(both[0]).toEqual(both[1])
  expect(requests.map(({ path }) => path).sort()).toEqual(['/qemu-8.2.1.tar.xz', '/qemu-8.2.1.tar.xz.sig'])
})

test('without gpgv and without curl that is said, and the download is kept', async () => {
  await fetchIt()
  const [path, bin] = [process.env.PATH, join(home, 'bin')]
  mkdirSync(bin)
  for (const name of ['flock', 'cat', 'setpriv'])
    symlinkSync(execFileSync('which', [name]).toString().trim(), join(bin, name))
  process.env.PATH = bin
  try {
    await expect(fetchIt()).rejects.toMatchObject({ code: 'QEMU_TOOL_MISSING' })
    expect(existsSync(tarball())).toBe(true)
    const context = {
      site: releaseSite(base, keys),
      signal: new AbortController().signal,
      progress: () => {},
    }
    await expect(newestRelease('8.2', context)).rejects.toMatchObject({ code: 'QEMU_TOOL_MISSING' })
  } finally {
    process.env.PATH = path
  }
})

test('a series means its newest release; an index that cannot be read is a finding', async () => {
  const context = { site: releaseSite(base, keys), signal: new AbortController().signal, progress: () => {} }
  await expect(newestRelease('8.2', context)).rejects.toMatchObject({ code: 'QEMU_DOWNLOAD_FAILED' })
  files.set(
    '/',
    Buffer.from('<a href="qemu-8.2.9.tar.xz">, qemu-8.2.10.tar.xz.sig qemu-8.2.10.tar.xz qemu-9.0.0.tar.xz'),
  )
  expect(await newestRelease('8.2', context)).toBe('8.2.10')
  expect(await newestRelease('8.2.1', context)).toBe('8.2.1')
  await expect(newestRelease('8.1', context)).rejects.toMatchObject({ code: 'QEMU_RELEASE_UNKNOWN' })
  expect(newestIn('qemu-8.2.0-rc1.tar.xz', '8.2')).toBeUndefined()
})

test('the key that bringup brings is the one that it pins', () => {
  const keyring = join(home, 'pinned.gpg')
  writeFileSync(keyring, dearmoured(readFileSync(RELEASE_KEYS.file, 'utf8')))
  const shown = gpg('--with-colons', '--show-keys', keyring).toString()
  expect([...shown.matchAll(/^pub:/gm)]).toHaveLength(1)
  expect(shown).toContain(`fpr:::::::::${RELEASE_KEYS.fingerprints[0]}:`)
})

test('a revoked key is refused although its signature is right', () => {
  const valid = `[GNUPG:] VALIDSIG ${'A'.repeat(40)} 2025-01-01 1 0 4 0 1 10 00 ${'A'.repeat(40)}`
  expect(judgeStatus(valid, ['A'.repeat(40)])).toEqual({ signer: 'A'.repeat(40) })
  expect(judgeStatus(`[GNUPG:] EXPKEYSIG AA x\n${valid}`, ['A'.repeat(40)])).toHaveProperty('signer')
  expect(judgeStatus(`[GNUPG:] REVKEYSIG AA x\n${valid}`, ['A'.repeat(40)])).toEqual({
    why: 'the key was revoked',
  })
})
