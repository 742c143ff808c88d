/** A guest is not trusted: what it says can neither speak to the user's terminal nor end bringup. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, describe, expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-hostile-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bringup = (...args: string[]) =>
  execa(process.execPath, [BIN, ...args], { cwd: folder, reject: false, stdin: 'ignore' })

/** Asks where the cursor is, in C0 and in C1, sets the clipboard and the title, writes from right to left. */
const SPEECH = '\x1b[6n\u009b6n\x1b]52;c;cm0gLXJm\x07\x1b]0;owned\x07\u202egnp'
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/

describe('escape sequences of a guest', () => {
  it('are visible, and nothing else, in all that is said about the run', async () => {
    const run = await bringup('run', '--memory', '64M', '--append', `panic=${SPEECH}`)
    expect(run.exitCode, run.stderr).toBe(123)
    expect(run.stderr).toContain('PANIC: \\x1b[6n\\x9b6n\\x1b]52;c;cm0gLXJm\\x07')
    const list = await bringup('runs')
    const shown = await bringup('runs', 'show')
    const log = await bringup('runs', 'show', '--console')
    const json = await bringup('runs', 'show', '--json')
    const colored = await execa(process.execPath, [BIN, 'runs', 'show'], {
      cwd: folder,
      env: { FORCE_COLOR: '1' },
    })
    for (const { stdout, stderr } of [run, list, shown, log, json]) {
      expect(stdout).not.toMatch(OBEYED)
      expect(stderr).not.toMatch(OBEYED)
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: bringup's own colours
    expect(colored.stdout.replace(/\x1b\[\d+m/g, '')).not.toMatch(OBEYED)
    expect(log.stdout).toContain('PANIC: \\x1b[6n')
    const path = (await bringup('runs', 'path')).stdout
    const own = (await bringup('runs', 'path', '--guest', 'default')).stdout
    for (const file of ['result.json', 'plan.json', 'events.jsonl'].map((name) => join(path, name)))
      expect(readFileSync(file, 'utf8'), file).not.toMatch(OBEYED)
    for (const file of ['result.json', 'argv.json'].map((name) => join(own, name)))
      expect(readFileSync(file, 'utf8'), file).not.toMatch(OBEYED)
  })

  it('are in the log byte by byte for who asks for it', async () => {
    const raw = await bringup('runs', 'show', '--console', '--raw')
    expect(raw.stdout).toContain(`PANIC: ${SPEECH}`)
  })

  it('are visible in what was typed wrong', async () => {
    for (const args of [
      ['run', `--kernel=${SPEECH}`],
      ['run', '--memory', SPEECH],
      [SPEECH],
      ['run', `--${SPEECH}`],
    ]) {
      const { stdout, stderr, exitCode } = await bringup(...args)
      expect(exitCode).toBe(2)
      expect(stderr).toContain('\\x1b[6n')
      expect(stdout + stderr).not.toMatch(OBEYED)
    }
  })
})

describe('a terminal', () => {
  it('is put back when a guest that changed it has ended', async () => {
    const modes = '\x1b[?25l\x1b[?2004h\x1b[?1049h'
    const command = [BIN, 'run', '--memory', '64M', '--console', '--append', `panic=${modes}`]
    const quoted = [process.execPath, ...command].map((word) => `'${word}'`).join(' ')
    const { stdout } = await execa('script', ['-qec', quoted, '/dev/null'], {
      cwd: folder,
      reject: false,
      stdin: 'ignore',
    })
    const [, after = ''] = stdout.split(modes)
    expect(after).toContain('\x1b[?1049l')
    expect(after).toContain(';2004;')
    expect(after).toContain('\x1b[?7;25h')
  })
})
