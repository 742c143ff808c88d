/** The server against clients that speak its protocol, and against some that do not. */
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { SharedMemory } from '../../machine/devices/ivshmem-schema.ts'
import { MiB } from '../../units.ts'
import { startService } from '../start-service.ts'
import { ivshmemService } from './ivshmem-server.ts'
import { startSharedMemory } from './shared-memory.ts'

const folder = mkdtempSync(join(tmpdir(), 'ivshmem server '))
const runtime = mkdtempSync(join(tmpdir(), 'run-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
  rmSync(runtime, { recursive: true })
})
beforeAll(() => {
  vi.stubEnv('XDG_RUNTIME_DIR', runtime)
  return () => vi.unstubAllEnvs()
})
const logs: string[] = []
const newLog = () => {
  logs.push(join(folder, `log${logs.length}`))
  return logs.at(-1) ?? ''
}
const context = { cacheFolder: join(folder, 'cache') }

async function serve(memory: SharedMemory) {
  const logPath = newLog()
  const service = await startService(await ivshmemService('window', memory, context), { logPath })
  return { service, socket: join(service.folder, 'socket'), log: () => readFileSync(logPath, 'utf8') }
}

/** Reads the numbers; the descriptors that come with them are not taken. */
function client(socket: string) {
  const stream = connect(socket)
  const numbers: number[] = []
  let rest = Buffer.alloc(0)
  stream.on('error', () => {})
  stream.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk])
    for (; rest.length >= 8; rest = rest.subarray(8)) numbers.push(Number(rest.readBigInt64LE()))
  })
  // A peer that is cut off may see ECONNRESET first.
  const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()))
  const has = (...wanted: readonly number[]) =>
    vi.waitFor(() => expect(numbers).toEqual(wanted), { timeout: 60_000 })
  return { stream, numbers, closed, has }
}

test('each peer is told its number, the memory, and the interrupts of all', async () => {
  const { service, socket, log } = await serve({ size: 4096, vectors: 2 })
  await using _ = service
  const first = client(socket)
  await first.has(0, 0, -1, 0, 0)
  const second = client(socket)
  await second.has(0, 1, -1, 0, 0, 1, 1)
  await first.has(0, 0, -1, 0, 0, 1, 1)
  first.stream.destroy()
  await second.has(0, 1, -1, 0, 0, 1, 1, 0)
  // A number is not used again at once: others may have messages for it under way.
  const third = client(socket)
  await third.has(0, 2, -1, 1, 1, 2, 2)
  expect(log()).toBe(
    'ready: 4096 bytes, 2 vectors\npeer 0 joined\npeer 1 joined\npeer 0 left\npeer 2 joined\n',
  )
})

test('a peer that speaks is cut off, and the others go on', async () => {
  const { service, socket, log } = await serve({ size: 4096, vectors: 1 })
  await using _ = service
  const good = client(socket)
  await good.has(0, 0, -1, 0)
  const bad = client(socket)
  bad.stream.write(Buffer.alloc(1 << 16, 0xff))
  await bad.closed
  await good.has(0, 0, -1, 0, 1, 1)
  await vi.waitFor(() => expect(log()).toContain('peer 1 sent data: cut off'), { timeout: 60_000 })
})

test('a peer that does not read does not keep the others waiting', async () => {
  const { service, socket } = await serve({ size: 4096, vectors: 256 })
  await using _ = service
  const deaf = connect(socket).pause()
  deaf.on('error', () => {})
  await once(deaf, 'connect')
  const one = client(socket)
  await vi.waitFor(() => expect(one.numbers).toHaveLength(3 + 2 * 256), { timeout: 60_000 })
  // Each newcomer is 256 messages more for it than its socket has room for.
  for (let i = 2; i < 6; i++) {
    const guest = client(socket)
    await vi.waitFor(() => expect(guest.numbers.length).toBeGreaterThan(3 + 256), { timeout: 60_000 })
    guest.stream.destroy()
    await guest.closed
  }
  deaf.destroy()
  // The version, its interrupts, and that it has gone.
  const ofDeaf = () => one.numbers.filter((n) => n === 0)
  await vi.waitFor(() => expect(ofDeaf()).toHaveLength(1 + 256 + 1), { timeout: 60_000 })
})

test('the folder of its socket is closed to other users, and so is the server', async (t) => {
  if (process.getuid?.() !== 0) t.skip('only root can act as another user')
  const { service, socket, log } = await serve({ size: 4096, vectors: 1 })
  await using _ = service
  const asNobody = () =>
    spawnSync(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', OTHER_USER, socket],
      { encoding: 'utf8', cwd: '/' },
    ).stdout.trim()
  expect(asNobody()).toBe('EACCES')
  for (const path of [runtime, join(runtime, 'bringup'), service.folder, socket]) chmodSync(path, 0o777)
  expect(asNobody()).toBe('0 bytes')
  for (const path of [runtime, join(runtime, 'bringup'), service.folder, socket]) chmodSync(path, 0o700)
  await vi.waitFor(() => expect(log()).toContain('refused a peer of user 65534'), { timeout: 60_000 })
})

const OTHER_USER = `
  let bytes = 0
  require('node:net').connect(process.argv[1])
    .on('error', (error) => console.log(error.code))
    .on('data', (data) => (bytes += data.length))
    .on('end', () => console.log(bytes + ' bytes'))`

test('words that it refuses', async () => {
  const { argv } = await ivshmemService('window', { size: 4096, vectors: 1 }, context)
  for (const [words, said] of [
    [['4097', '1'], 'not a power of two: 4097'],
    [['4096', '0'], 'no count of vectors: 0'],
    [['4096', '257'], 'no count of vectors: 257'],
    [['-4096', '1'], 'no size: -4096'],
    [['4096', '1', 'what=ever'], 'unknown word: what=ever'],
    [['4096', '1', 'nodes=0', 'policy=none'], 'no policy: none'],
    [['4096', '1', 'file=/etc/passwd'], 'not a file of that size: /etc/passwd'],
    [['4096', '1', 'nodes=900'], 'mbind: Invalid argument'],
  ] as const) {
    const { stderr, status } = spawnSync(argv[0], [join(folder, 's'), ...words], { encoding: 'utf8' })
    expect([stderr.trim(), status === 0]).toEqual([said, false])
  }
  const long = spawnSync(argv[0], [join(folder, 's'.repeat(120)), '4096', '1'], { encoding: 'utf8' })
  expect(long.stderr).toContain('longer than the path of a socket may be')
  expect(existsSync(join(folder, 's'))).toBe(false)
})

test('memory on a chosen node, and in a file', async () => {
  const placed = await serve({ size: MiB, vectors: 1, hostNodes: [0], policy: 'interleave' })
  await placed.service[Symbol.asyncDispose]()
  const file = join(folder, 'memory')
  writeFileSync(file, Buffer.alloc(MiB))
  const filed = await serve({ size: MiB, vectors: 1, file })
  await filed.service[Symbol.asyncDispose]()
})

test('QEMU’s own server is used where it is in PATH, unless it cannot do what is asked', async () => {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'ivshmem-server'), '#!/bin/sh\n', { mode: 0o755 })
  vi.stubEnv('PATH', `${bin}:${process.env.PATH}`)
  const { argv, ready } = await ivshmemService('window', { size: MiB, vectors: 2 }, context)
  const words = ['-F', '-v', '-S', '{folder}/socket', '-m', '/dev/shm', '-l', `${MiB}`, '-n', '2']
  expect(argv).toEqual([join(bin, 'ivshmem-server'), ...words])
  expect(ready).toEqual({ path: '{folder}/socket' })
  const placed = await ivshmemService('window', { size: MiB, vectors: 2, hostNodes: [0] }, context)
  expect(placed.argv[0]).toContain(context.cacheFolder)
  vi.unstubAllEnvs()
  vi.stubEnv('XDG_RUNTIME_DIR', runtime)
})

test('without a compiler, that is what is said', async () => {
  vi.stubEnv('CC', 'no-such-compiler')
  await expect(ivshmemService('window', { size: MiB, vectors: 1 }, context)).rejects.toThrow(
    'IVSHMEM_SERVER_BUILD_FAILED: there is no "no-such-compiler" in PATH',
  )
  vi.unstubAllEnvs()
  vi.stubEnv('XDG_RUNTIME_DIR', runtime)
})

test('memory without interrupts is a file without a name', async () => {
  await using memory = await startSharedMemory('window', { size: MiB }, context)
  const fd = await memory.attach('one')
  expect(await memory.attach('two')).toBe(fd)
  expect(execFileSync('readlink', [`/proc/${process.pid}/fd/${fd}`], { encoding: 'utf8' })).toMatch(
    /\(deleted\)\n$/,
  )
})
