/** `bringup run --root host`: commands with the file system of this computer for a root. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, expect, test } from 'vitest'

const BIN = join(import.meta.dirname, '../../dist/cli/bin.js')
const folder = mkdtempSync(join(tmpdir(), 'bringup-root-'))
afterAll(() => rmSync(folder, { recursive: true }))
const minutes = { timeout: 1_200_000 }

const run = (...words: readonly string[]) =>
  execa(process.execPath, [BIN, 'run', '--timeout', '18m', ...words], { cwd: folder, reject: false })

test('bash, python3 and gcc of this computer run, and change nothing of it', minutes, async () => {
  writeFileSync(join(folder, 'bringup.config.json'), '{"machines":{"default":{"profile":"linux"}}}')
  writeFileSync(
    join(folder, 'hello.c'),
    '#include <stdio.h>\nint main(void) { puts("compiled"); return 3; }\n',
  )
  const script = `set -e
  python3 -c 'import json; print(json.dumps([1]))'
  echo changed > /etc/hostname; cat /etc/hostname; pwd; test -r /proc/1/comm; test -c /dev/null
  gcc -o hello hello.c; ./hello`
  const { stdout, stderr, exitCode } = await run('--root', 'host', '--', 'bash', '-c', script)
  expect({ stdout, exitCode }, stderr).toEqual({
    stdout: `[1]\nchanged\n${folder}\ncompiled`,
    exitCode: 3,
  })
  expect(existsSync(join(folder, 'hello'))).toBe(false)
  expect(stderr.includes('/etc/shadow included')).toBe(process.getuid?.() === 0)
})

test('only a guest that can mount it, with a command, has it', minutes, async () => {
  for (const words of [
    ['--profile', 'linux'],
    ['--profile', 'probe'],
  ]) {
    const { stderr, exitCode } = await run(...words, '--root', 'host')
    expect(stderr).toContain('--root host goes with a command')
    expect(exitCode).toBe(2)
  }
})
