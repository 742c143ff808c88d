/** A home, XDG folders and limits that are wrong: a finding or a run that works, never a bug of bringup's. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'

const bin = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-values-'))
const file = join(folder, 'a file')
writeFileSync(file, '')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const COMMANDS = [['plan'], ['run', '--memory', '64M', '--numa', '1'], ['doctor'], ['machines']] as const

function check(argv: readonly string[], env: Readonly<Record<string, string | undefined>> = {}) {
  const { XDG_CACHE_HOME: _, ...rest } = process.env
  const [program = '', ...words] = argv
  const { status, stdout, stderr } = spawnSync(program, words, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...rest, ...env },
  })
  expect(stdout + stderr).not.toMatch(/BRINGUP_BUG|\n {4}at /)
  expect([0, 2], stdout + stderr).toContain(status)
}

describe.each(COMMANDS.map((words) => ({ words })))('$words', ({ words }) => {
  test.each([
    { HOME: file },
    { HOME: '' },
    { HOME: 'relative' },
    { HOME: '/proc' },
    { HOME: undefined },
    { XDG_CACHE_HOME: file },
    { XDG_STATE_HOME: file },
    { XDG_CONFIG_HOME: file },
  ])('with %j', (env) => check([process.execPath, bin, ...words], env))

  test('with twenty open files', () => {
    check(['prlimit', '--nofile=20', process.execPath, bin, ...words], {
      XDG_CACHE_HOME: join(folder, 'cache'),
    })
  })
})
