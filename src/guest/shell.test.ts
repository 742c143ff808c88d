/** Against a guest played by the test on the other end of a socket pair; the real agent is tested in test/e2e. */
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { openShell } from './shell.ts'
import { type Frame, FrameReader, frame, HELLO, numbers } from './shell-frames.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function socketPair(): Promise<readonly [Socket, Socket]> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const host = connect(port, '127.0.0.1')
  const guest = await accepted
  server.close()
  closers.push(
    () => host.destroy(),
    () => guest.destroy(),
  )
  return [host, guest]
}

/** A guest that answers each frame as the function says. */
function play(guest: Socket, answer: (f: Frame) => readonly Buffer[]): FrameReader {
  const reader = new FrameReader()
  guest.on('error', () => {})
  guest.on('data', (chunk: Buffer) => {
    for (const f of reader.push(chunk).frames) for (const bytes of answer(f)) guest.write(bytes)
  })
  return reader
}

const exit = (session: number, code: number) => frame('X', session, numbers(code, 0))

describe('shell', () => {
  test('gives back output and exit code, drops what came before the greeting', async () => {
    const [host, guest] = await socketPair()
    const shell = openShell(host)
    play(guest, (f) =>
      f.type === 'R'
        ? [
            frame('O', f.session, Buffer.from('out')),
            frame('E', f.session, Buffer.from('err')),
            exit(f.session, 3),
          ]
        : [],
    )
    guest.write(Buffer.concat([Buffer.from('stale bytes'), HELLO]))
    expect(await shell.run(['x'])).toEqual({ stdout: 'out', stderr: 'err', exitCode: 3 })
  })

  test('sends the command as argc, envc, cwd, argv, env', async () => {
    const [host, guest] = await socketPair()
    const shell = openShell(host)
    let request = Buffer.alloc(0)
    play(guest, (f) => {
      if (f.type === 'R') request = Buffer.from(f.payload)
      return f.type === 'I' ? [exit(f.session, 0)] : []
    })
    guest.write(HELLO)
    await shell.run(['a', 'b c'], { cwd: '/tmp', env: { PATH: '/p', HOME: '/h', TERM: 't' } })
    expect(request.readUInt32LE(0)).toBe(2)
    expect(request.readUInt32LE(4)).toBe(3)
    expect(request.subarray(8).toString().split('\0')).toEqual([
      '/tmp',
      'a',
      'b c',
      'PATH=/p',
      'HOME=/h',
      'TERM=t',
      '',
    ])
  })

  test('never sends more input than was granted', async () => {
    const [host, guest] = await socketPair()
    const shell = openShell(host)
    let unacknowledged = 0
    let most = 0
    let total = 0
    play(guest, (f) => {
      if (f.type !== 'I') return []
      if (f.payload.length === 0) return [exit(f.session, 0)]
      unacknowledged += f.payload.length
      total += f.payload.length
      most = Math.max(most, unacknowledged)
      if (unacknowledged < 64 * 1024 && total < 200_000) return []
      const taken = unacknowledged
      unacknowledged = 0
      return [frame('A', f.session, numbers(taken, 0))]
    })
    guest.write(HELLO)
    await shell.run(['cat'], { stdin: Buffer.alloc(200_000) })
    expect(total).toBe(200_000)
    expect(most).toBeLessThanOrEqual(64 * 1024)
  })

  test('frames cut anywhere are put together', async () => {
    const [host, guest] = await socketPair()
    const shell = openShell(host)
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 251))
    const got: Buffer[] = []
    play(guest, (f) =>
      f.type === 'R'
        ? [...Buffer.concat([frame('O', f.session, bytes), exit(f.session, 0)])].map((b) => Buffer.from([b]))
        : [],
    )
    guest.write(HELLO)
    await shell.run(['x'], { onStdout: (chunk) => got.push(Buffer.from(chunk)) })
    expect(Buffer.concat(got).equals(bytes)).toBe(true)
  })

  test('fails at once when the guest dies', async () => {
    const [host, guest] = await socketPair()
    const shell = openShell(host, { reason: () => 'the guest panicked' })
    play(guest, () => [])
    guest.write(HELLO)
    await shell.ready
    const running = shell.run(['sleep', 'inf'])
    guest.destroy()
    await expect(running).rejects.toMatchObject({
      code: 'SHELL_ENDED',
      message: expect.stringContaining('the guest panicked'),
    })
    await expect(shell.run(['again'])).rejects.toMatchObject({ code: 'SHELL_ENDED' })
  })

  test('a guest that dies before its agent answers fails `ready`', async () => {
    const [host, guest] = await socketPair()
    const shell = openShell(host)
    guest.end()
    await expect(shell.ready).rejects.toMatchObject({ code: 'SHELL_ENDED' })
  })

  test('a deadline kills the command and names it', async () => {
    const [host, guest] = await socketPair()
    const shell = openShell(host)
    const killed = new Promise<number>((resolve) => {
      play(guest, (f) => {
        if (f.type === 'K') resolve(f.payload.readUInt32LE(0))
        return []
      })
    })
    guest.write(HELLO)
    await expect(shell.run(['sleep', 'inf'], { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'SHELL_TIMEOUT',
      message: expect.stringContaining('sleep inf'),
    })
    expect(await killed).toBe(9)
  })

  test('after a reset what ran is lost and the next command waits for the next greeting', async () => {
    const [host, guest] = await socketPair()
    const shell = openShell(host)
    const answers = (f: Frame) => (f.type === 'R' && f.payload.includes('after') ? [exit(f.session, 7)] : [])
    const reader = play(guest, answers)
    guest.write(HELLO)
    await shell.ready
    const before = shell.run(['before'])
    await new Promise<void>((resolve) => guest.once('data', () => resolve()))
    shell.restarted()
    await expect(before).rejects.toMatchObject({ code: 'SHELL_ENDED' })
    reader.reset()
    const after = shell.run(['after'])
    shell.restarted()
    guest.write(Buffer.concat([frame('O', 0, Buffer.from('half a frame')).subarray(0, 12), HELLO]))
    expect((await after).exitCode).toBe(7)
  })

  test('reads and writes files, and says why it could not', async () => {
    const [host, guest] = await socketPair()
    const shell = openShell(host)
    play(guest, (f) => {
      if (f.type === 'G') return [frame('X', f.session, numbers(0, 2))]
      if (f.type === 'I' && f.payload.length === 0) return [exit(f.session, 0)]
      return []
    })
    guest.write(HELLO)
    await shell.writeFile('/tmp/a', 'text')
    await expect(shell.readFile('/no')).rejects.toMatchObject({
      code: 'GUEST_FILE_FAILED',
      message: expect.stringContaining('ENOENT'),
    })
  })

  test('more than eight commands take turns', async () => {
    const [host, guest] = await socketPair()
    const shell = openShell(host)
    const open = new Set<number>()
    let most = 0
    play(guest, (f) => {
      if (f.type === 'R') open.add(f.session)
      most = Math.max(most, open.size)
      if (f.type !== 'I') return []
      open.delete(f.session)
      return [exit(f.session, f.session)]
    })
    guest.write(HELLO)
    const results = await Promise.all(Array.from({ length: 20 }, () => shell.run(['x'])))
    expect(results).toHaveLength(20)
    expect(most).toBeLessThanOrEqual(8)
  })
})
