/** `bringup run --copy-in … --copy-out …`: files for a guest without a shared folder. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, expect, test } from 'vitest'

const BIN = join(import.meta.dirname, '../../dist/cli/bin.js')
const folder = mkdtempSync(join(tmpdir(), 'bringup-copies-'))
afterAll(() => rmSync(folder, { recursive: true }))
const minutes = { timeout: 1_200_000 }

const run = (...words: readonly string[]) =>
  execa(process.execPath, [BIN, 'run', '--profile', 'linux', '--timeout', '18m', ...words], {
    cwd: folder,
    reject: false,
  })

test('files go in before the command and come out after it, though it failed', minutes, async () => {
  mkdirSync(join(folder, 'data/in'), { recursive: true })
  writeFileSync(join(folder, 'data/in/a'), 'copied in\n')
  const copies = ['--copy-in', 'data:/tmp/data', '--copy-out', '/tmp/data:back', '--copy-out', '/none:none']
  const script = 'cat /tmp/data/in/a; echo made > /tmp/data/b; exit 3'
  const { stdout, stderr, exitCode } = await run(...copies, '--', 'sh', '-c', script)
  expect({ stdout, exitCode }, stderr).toEqual({ stdout: 'copied in', exitCode: 3 })
  expect(readFileSync(join(folder, 'back/in/a'), 'utf8')).toBe('copied in\n')
  expect(readFileSync(join(folder, 'back/b'), 'utf8')).toBe('made\n')
  expect(stderr).toContain('/none')
  expect(existsSync(join(folder, 'none'))).toBe(false)
})

test('a copy that was missed is no pass', minutes, async () => {
  const { stderr, exitCode } = await run('--copy-out', '/etc/hosts:hosts', '--', 'poweroff')
  expect(exitCode, stderr).toBe(1)
  expect(stderr).toContain('COPY_OUT_MISSED')
})

test('what cannot be done is said before a machine starts', async () => {
  const { stderr, exitCode } = await run('--copy-in', 'missing:/x', '--copy-out', 'x', '--', 'true')
  expect(exitCode).toBe(2)
  expect(stderr).toContain('COPY_SOURCE_MISSING')
  expect(stderr).toContain('GUEST:HOST')
  expect((await run('--copy-out', '/x:y')).stderr).toContain('go with a command')
})
