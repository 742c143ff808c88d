/** Against a guest played by the test on the other end of a socket pair; the real agent is tested in test/e2e. */
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { BringupError } from '../diagnostics.ts'
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

  test('passes on the code of the shell on the console, beside a command', async () => {
    const [host, guest] = await socketPair()
    const codes: number[] = []
    const shell = openShell(host, { onConsoleExit: (code) => codes.push(code) })
    play(guest, (f) => (f.type === 'R' ? [frame('C', 0, numbers(7)), frame('C', 0), exit(f.session, 3)] : []))
    guest.write(HELLO)
    expect(await shell.run(['x'])).toMatchObject({ exitCode: 3 })
    expect(codes).toEqual([7])
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

describe('a guest that is an enemy', () => {
  const speak = async (answer: (f: Frame) => readonly Buffer[]) => {
    const [host, guest] = await socketPair()
    const shell = openShell(host)
    play(guest, answer)
    guest.write(HELLO)
    return shell
  }
  const codeOf = (error: unknown) => (error as BringupError).code
  const header = (bytes: number) => Buffer.from([...numbers(bytes), 'O'.charCodeAt(0), 0, 0, 0])

  test.each([4294967295, 1 << 30])('announces a frame of %i bytes', async (bytes) => {
    const shell = await speak((f) => (f.type === 'R' ? [header(bytes)] : []))
    const error = await shell.run(['x']).catch((e: unknown) => e)
    expect(codeOf(error)).toBe('SHELL_ENDED')
    expect((error as Error).message).toContain(`a frame of ${bytes} bytes`)
  })

  test('leaves the numbers out of its frames', async () => {
    const shell = await speak((f) => (f.type === 'R' ? [frame('A', f.session), frame('X', f.session)] : []))
    expect(await shell.run(['x'])).toEqual({ stdout: '', stderr: '', exitCode: 0 })
  })

  test('answers for sessions that there are not, and with letters that mean nothing', async () => {
    const shell = await speak((f) =>
      f.type === 'R' ? [exit(255, 9), frame('?', f.session), frame('X', 7), exit(f.session, 4)] : [],
    )
    expect((await shell.run(['x'])).exitCode).toBe(4)
  })

  test('grants more input than there is room for: no more than a window is sent', async () => {
    let taken = 0
    const shell = await speak((f) => {
      if (f.type === 'R') return [frame('A', f.session, numbers(4294967295, 0))]
      if (f.type !== 'I') return []
      taken += f.payload.length
      return taken >= 64 * 1024 ? [exit(f.session, 0)] : []
    })
    await shell.run(['x'], { stdin: Buffer.alloc(4 << 20) })
    expect(taken).toBeLessThanOrEqual(128 * 1024)
  })

  test('never stops printing: the command is killed and refused, and with a listener only the start is kept', async () => {
    const piece = Buffer.alloc(512 * 1024, 'x')
    const print = (f: Frame) => [...Array(130)].map(() => frame('O', f.session, piece))
    const shell = await speak((f) =>
      f.type === 'R' ? print(f) : f.type === 'K' ? [exit(f.session, 137)] : [],
    )
    expect(codeOf(await shell.run(['yes']).catch((e: unknown) => e))).toBe('SHELL_OUTPUT_TOO_LONG')
    const listened = await speak((f) => (f.type === 'R' ? [...print(f), exit(f.session, 0)] : []))
    let heard = 0
    const { stdout } = await listened.run(['yes'], { onStdout: (bytes) => (heard += bytes.length) })
    expect(heard).toBe(65 << 20)
    expect(stdout).toHaveLength(64 << 20)
  })

  test('has a file without an end', async () => {
    const shell = await speak((f) => (f.type === 'G' ? [frame('X', f.session, numbers(0, 27))] : []))
    expect(codeOf(await shell.readFile('/proc/kcore').catch((e: unknown) => e))).toBe('SHELL_OUTPUT_TOO_LONG')
  })
})
