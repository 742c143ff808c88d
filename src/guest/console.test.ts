import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import { Console } from './console.ts'

function connect(log?: { path: string; timingPath: string }) {
  const output = new PassThrough()
  const input = new PassThrough()
  return { output, input, console: new Console({ input, output }, log) }
}

const codeOf = (error: unknown) => (error instanceof BringupError ? error.code : error)

describe('Console.expect', () => {
  it('finds text that came before, in pieces, and after the last match only', async () => {
    const { output, console } = connect()
    output.write('one tw')
    const both = Promise.all([console.expect('two'), console.expect(/thr(e+)/)])
    output.write('o two three\n')
    const [first, second] = await both
    expect(first).toEqual({ text: 'two', groups: [], before: 'one ' })
    expect(second).toMatchObject({ text: 'three', groups: ['ee'], before: ' two ' })
  })

  it('matches a regular expression on the unfinished last line', async () => {
    const { output, console } = connect()
    const found = console.expect(/^login: $/)
    output.write('hello\nlogin: ')
    await expect(found).resolves.toMatchObject({ text: 'login: ' })
  })

  it('fails at the deadline with the last lines', async () => {
    const { output, console } = connect()
    output.write('booting\nstill booting')
    const error = await console.expect('ready', { timeoutMs: 30 }).catch((e: unknown) => e)
    expect(codeOf(error)).toBe('CONSOLE_NO_MATCH')
    expect((error as BringupError).diagnostics[0]?.evidence).toEqual(['booting', 'still booting'])
  })

  it('fails at once when the guest ends, but finds what it said last', async () => {
    const { output, console } = connect()
    const found = console.expect('bye')
    const missed = console.expect('never').catch(codeOf)
    output.write('good bye')
    await new Promise((resolve) => setImmediate(resolve))
    console.end(() => 'the guest triple-faulted')
    await expect(found).resolves.toMatchObject({ text: 'bye' })
    expect(await missed).toBe('CONSOLE_ENDED')
    expect(await console.expect('later').catch(codeOf)).toBe('CONSOLE_ENDED')
  })

  it('goes on right behind a match, where letters take several bytes and bytes are no letters', async () => {
    const { output, console } = connect()
    output.write('grüße an ö1 und 2\n')
    expect(await console.expect(/ö(\d)/)).toEqual({ text: 'ö1', groups: ['1'], before: 'grüße an ' })
    expect((await console.expect('2')).before).toBe(' und ')
    output.write(Buffer.concat([Buffer.from([0xff, 0x41, 0xe2, 0x82]), Buffer.from('n=7;x=8\n')]))
    expect((await console.expect(/n=(\d)/)).groups).toEqual(['7'])
    expect((await console.expect(/x=(\d)/)).before).toBe(';')
    output.write(Buffer.from([0xff, 0x42]))
    await console.expect(/B$/)
    expect(console.text).toBe('')
  })

  it('waits for the other half of a letter', async () => {
    const { output, console } = connect()
    output.write(Buffer.from([0x61, 0xc3]))
    const found = console.expect(/a.$/)
    output.write(Buffer.from([0xa4]))
    await expect(found).resolves.toMatchObject({ text: 'aä' })
    expect(console.text).toBe('')
  })

  it('finds a marker behind megabytes that came in many chunks', async () => {
    const { output, console } = connect()
    const found = console.expect('the end')
    const line = `${'x'.repeat(99)}\n`
    for (let i = 0; i < 50_000; i++) output.write(line)
    output.write('the end\n')
    expect((await found).before).toHaveLength(5_000_000)
  })
})

describe('Console log', () => {
  const folder = mkdtempSync(join(tmpdir(), 'console-'))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('keeps every byte, with times that scriptreplay can read', async () => {
    const paths = { path: join(folder, 'console.log'), timingPath: join(folder, 'console.timing') }
    const { output, console } = connect(paths)
    const bytes = Buffer.from([0x68, 0x69, 0xff, 0x0d, 0x0a])
    output.write(bytes)
    await console.expect('hi')
    console.end(() => 'over')
    expect(readFileSync(paths.path)).toEqual(bytes)
    expect(readFileSync(paths.timingPath, 'utf8')).toMatch(/^\d+\.\d{6} 5\n$/)
  })

  it('has what a restored guest printed before, and a mark that is not the guest’s', async () => {
    const own = mkdtempSync(join(tmpdir(), 'console-'))
    onTestFinished(() => rmSync(own, { recursive: true, force: true }))
    const paths = { path: join(own, 'console.log'), timingPath: join(own, 'console.timing') }
    const { output, console } = connect(paths)
    const lines: string[] = []
    const isEarly: boolean[] = []
    console.onLine((line) => {
      lines.push(line)
      isEarly.push(console.isReplaying)
    })
    console.replay(Buffer.from('Linux version 6.1\nguest:/# '), '[restored]')
    output.write('uname\nLinux\n')
    const found = await console.expect('guest:/# uname\nLinux\n')
    expect(found.before).toBe('Linux version 6.1\n')
    expect(lines).toEqual(['Linux version 6.1', 'guest:/# uname', 'Linux'])
    expect(isEarly).toEqual([true, false, false])
    expect(console.printed()?.toString()).toBe('Linux version 6.1\nguest:/# uname\nLinux\n')
    console.end(() => 'over')
    expect(readFileSync(paths.path, 'utf8')).toBe('Linux version 6.1\nguest:/# \n[restored]\nuname\nLinux\n')
    const logged = readFileSync(paths.timingPath, 'utf8').match(/\d+$/gm)?.map(Number) ?? []
    expect(logged.reduce((sum, bytes) => sum + bytes, 0)).toBe(readFileSync(paths.path).length)
  })

  it('knows what was printed only as long as the log is complete', async () => {
    expect(connect().console.printed()).toBeUndefined()
    const { output, console } = connect({ path: '/dev/full', timingPath: '/dev/null' })
    output.write('first\n')
    await console.expect('first')
    expect(console.printed()).toBeUndefined()
  })

  it('stops on a full disk, while the console goes on', async () => {
    const { output, console } = connect({ path: '/dev/full', timingPath: '/dev/null' })
    output.write('first\n')
    await console.expect('first')
    output.write('second\n')
    await console.expect('second')
    expect(console.logError?.message).toContain('ENOSPC')
  })

  it('hands on whole lines without their ends', async () => {
    const { output, console } = connect()
    const lines: string[] = []
    console.onLine((line) => lines.push(line))
    output.write('a\r\nb')
    output.write('c\n')
    await console.expect('c')
    expect(lines).toEqual(['a', 'bc'])
  })
})

describe('a guest that is an enemy', () => {
  const settled = () => new Promise((resolve) => setImmediate(resolve))

  it('prints a line of 600 MiB: it is handed on in pieces, and memory stays bounded', async () => {
    const { output, console } = connect()
    const pieces: number[] = []
    console.onLine((line) => pieces.push(line.length))
    const chunk = Buffer.alloc(8 << 20, 'x')
    for (let mib = 0; mib < 600; mib += 8) {
      output.write(chunk)
      await settled()
    }
    console.end(() => 'it ended')
    expect(pieces.reduce((sum, length) => sum + length, 0)).toBe(600 << 20)
    expect(Math.max(...pieces)).toBeLessThanOrEqual(9 << 20)
    expect(console.text.length).toBeLessThanOrEqual(16 << 20)
    expect(console.tail().join('').length).toBeLessThan(2000)
  })

  it('prints forever: the log has the start and the end, and says what is missing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'console-'))
    const log = {
      path: join(folder, 'console.log'),
      timingPath: join(folder, 'console.timing'),
      mostBytes: 1 << 20,
    }
    const { output, console } = connect(log)
    output.write('first line\n')
    for (let mib = 0; mib < 8; mib++) {
      output.write(Buffer.alloc(1 << 20, 'x'))
      await settled()
    }
    output.write('\nlast line\n')
    await settled()
    console.end(() => 'it ended')
    const text = readFileSync(log.path, 'utf8')
    expect(text.length).toBeLessThan(4 << 20)
    expect(text.startsWith('first line\n')).toBe(true)
    expect(text.endsWith('\nlast line\n')).toBe(true)
    expect(text).toMatch(/\n\[\d+ bytes are not in this log\]\n/)
    expect(console.logError?.message).toMatch(/^the guest printed \d+ bytes; its log has the first/)
    const played = readFileSync(log.timingPath, 'utf8').trim().split('\n')
    expect(played.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0)).toBe(Buffer.byteLength(text))
    rmSync(folder, { recursive: true })
  })

  it('shows its last lines as a screen would, with nothing that a terminal obeys', async () => {
    const { output, console } = connect()
    output.write('10%\r20%\r\n\x1b[31mred\x1b[0m\x1b[6n\r\n')
    await settled()
    expect(console.tail()).toEqual(['20%', 'red\\x1b[6n'])
  })

  it('ends a line of bytes that are no text with a match soon', async () => {
    const { output, console } = connect()
    const found = console.expect(/needle/)
    output.write(Buffer.concat([Buffer.alloc(4 << 20, 0xff), Buffer.from('needle\n')]))
    await expect(found).resolves.toMatchObject({ text: 'needle' })
  })
})
