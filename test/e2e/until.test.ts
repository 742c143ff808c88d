/** Passes on a text: what is not the success of this run does not count. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, describe, expect, test } from 'vitest'
import { isoOf } from '../support/grub-iso.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-until-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (...words: readonly string[]) =>
  execa(process.execPath, [BIN, 'run', ...words], { cwd: folder, reject: false, stdin: 'ignore' })

describe('a kernel', () => {
  const probe = ['--memory', '64M', '--until', '"t":"ready"', '--append']

  test('passes when it has printed the text', async () => {
    expect(await run(...probe, 'ready-hang')).toMatchObject({ exitCode: 0 })
  })

  test('that crashes right after the text has crashed', async () => {
    expect(await run(...probe, 'triple-fault')).toMatchObject({
      exitCode: 123,
      stderr: expect.stringContaining('the guest triple-faulted'),
    })
  })

  test('whose command line has the text is refused: it may print that', async () => {
    const { exitCode, stderr } = await run('--append', 'test=PASSED', '--until', 'PASSED')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('PASS_PATTERN_IN_APPEND')
  })
})

test('the menu of a boot loader on the serial console does not pass, what is printed after it does', async () => {
  const iso = isoOf(folder, 'menu', [
    'serial',
    'terminal_output serial',
    'set timeout=1',
    "menuentry 'ALL PASSED' {",
    '  echo entry runs',
    '  sleep 1',
    '  halt',
    '}',
  ])
  const title = await run('--cdrom', iso, '--timeout', '5m', '--until', 'ALL PASSED')
  expect(title).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining('ALL PASSED'),
    stderr: expect.stringContaining('neither console nor screen showed'),
  })
  expect(await run('--cdrom', iso, '--timeout', '5m', '--until', 'entry runs')).toMatchObject({ exitCode: 0 })
}, 1_200_000)

describe('a run with a command', { timeout: 1_200_000 }, () => {
  const linux = ['--profile', 'linux', '--append', 'ignore_loglevel', '--timeout', '20m', '--until']
  const shell = (script: string) => ['--', 'sh', '-c', script]

  test('passes with the text and 0', async () => {
    expect(await run(...linux, 'HELLO', ...shell('echo HELLO >/dev/console'))).toMatchObject({ exitCode: 0 })
  })

  test('returns the code of the command, also after the text', async () => {
    const failing = shell('echo HELLO >/dev/console; sleep 1; exit 3')
    expect(await run(...linux, 'HELLO', ...failing)).toMatchObject({ exitCode: 3 })
  })

  test('has not shown what the boot printed', async () => {
    const { exitCode, stdout } = await run('--json', ...linux, 'Linux version', ...shell('echo I RAN'))
    expect(exitCode).toBe(1)
    const [{ result }] = JSON.parse(stdout).guests
    expect(result.diagnostics).toMatchObject([{ code: 'PASS_NOT_SHOWN' }])
  })
})
