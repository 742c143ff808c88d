/** What is piped into `bringup run`, with real guests. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa, type Options } from 'execa'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup piped, '))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const bringup = (options: Pick<Options, 'input' | 'stdin'>, ...args: string[]) =>
  execa(process.execPath, [BIN, 'run', ...args], { cwd: folder, reject: false, ...options })

describe('what is piped into a run', () => {
  it('is typed into the console whole, and its end leaves the guest running', async () => {
    const input = 'echo typed-$((6*7))\npoweroff -f\n'
    const { stdout, exitCode, stderr } = await bringup({ input }, '--profile', 'linux', '--timeout', '60s')
    expect(exitCode, stderr).toBe(0)
    expect(stdout).toMatch(/^typed-42\r?$/m)
  })

  it.each([
    ['exit 7', 7],
    ['false || exit 1', 1],
    ['kill -9 $$', 137],
    ['exit 0', 0],
  ])('ends the run with the code of the shell on the console: %s', async (line, code) => {
    const { exitCode, stderr } = await bringup({ input: `${line}\n` }, '--profile', 'linux')
    expect([exitCode, stderr]).toEqual([
      code,
      expect.stringContaining(
        code === 0 ? 'passed the guest powered off' : `failed the shell returned ${code}`,
      ),
    ])
  })

  it('is read by the command in the guest, every byte and the end', async () => {
    const input = randomBytes(300_000)
    const { stdout } = await bringup({ input }, '--profile', 'linux', '--', 'sha256sum')
    expect(stdout).toBe(`${createHash('sha256').update(input).digest('hex')}  -`)
  })

  it('is empty for a command that reads without a pipe', async () => {
    const { stdout, exitCode } = await bringup({ stdin: 'ignore' }, '--profile', 'linux', '--', 'wc', '-c')
    expect([stdout.trim(), exitCode]).toEqual(['0', 0])
  })

  it('does not keep the run when it never ends', async () => {
    const open = { cwd: folder, reject: false, stdin: 'pipe' } as const
    expect((await execa(process.execPath, [BIN, 'run'], open)).exitCode).toBe(0)
    const command = await execa(
      process.execPath,
      [BIN, 'run', '--profile', 'linux', '--', 'echo', 'hi'],
      open,
    )
    expect(command.stdout).toBe('hi')
  })
})
