import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launch } from 'bringup'
import { afterAll, expect, test } from 'vitest'
import { buildJson, errorJson, runJson } from '../../src/cli/shapes.ts'

/** The worked example, in a folder with a space in its name. */
const bin = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'bringup make '))
const folder = join(home, 'make kernel')
cpSync(fileURLToPath(new URL('../../examples/make-kernel', import.meta.url)), folder, {
  recursive: true,
  filter: (path) => !/\/(build|\.bringup)$/.test(path),
})
afterAll(() => rmSync(home, { recursive: true }))

function bringup(...argv: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...argv], {
    cwd: folder,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

test('before it is built, a run says what is missing', () => {
  const { status, stdout } = bringup('run', '--no-build', '--json')
  expect(status).toBe(2)
  expect(errorJson.parse(JSON.parse(stdout)).diagnostics.map((d) => d.code)).toEqual(['DISK_FILE_MISSING'])
})

test('what would be run can be pasted', () => {
  const { stdout } = bringup('build', '--dry-run')
  expect(stdout).toContain(`(cd '${folder}' && make)`)
  expect(() => statSync(join(folder, 'build'))).toThrow()
})

test('it is built, boots from its disk, and answers on the serial port', async () => {
  const built = buildJson.parse(JSON.parse(bringup('build', '--json').stdout))
  expect(built).toMatchObject({
    result: 'built',
    targets: [{ id: 'kernel', state: 'built', commands: [{ exitCode: 0 }] }],
  })
  const guest = await launch('default', { folder })
  await guest.console.expect('make-kernel is up')
  guest.console.write('ping\n')
  await guest.console.expect('> pong')
  guest.console.write('add 20 22\n')
  await guest.console.expect('> 42')
  guest.console.write('exit 0\n')
  expect(await guest.done).toMatchObject({ verdict: 'passed', guestCode: 0 })
})

test('run builds first, and what make finds nothing to do for is booted as it is', () => {
  const image = join(folder, 'build/disk.img')
  const before = statSync(image).mtimeMs
  const again = runJson.parse(JSON.parse(bringup('run', '--timeout', '2s', '--json').stdout))
  expect(again.verdict).toBe('timed-out')
  expect(again.timings.buildMs).toBeGreaterThan(0)
  expect(statSync(image).mtimeMs).toBe(before)
})

test('a kernel that does not compile boots nothing, and the compiler has the last word', () => {
  const source = join(folder, 'kernel.c')
  const good = readFileSync(source, 'utf8')
  writeFileSync(source, good.replace('static void put', 'static viod put'))
  const build = bringup('build')
  expect(build.status).toBe(1)
  expect(build.stdout).toBe('')
  expect(build.stderr).toMatch(/kernel │ kernel\.c:\d+:\d+: error: unknown type name/)
  expect(build.stderr).toMatch(/error BUILD_COMMAND_FAILED {2}at kernel\n {2}make: exit code 2/)
  const runs = execFileSync(process.execPath, [bin, 'runs', '--json'], { cwd: folder, encoding: 'utf8' })
  const run = bringup('run', '--json')
  expect(run.status).toBe(2)
  expect(errorJson.parse(JSON.parse(run.stdout)).diagnostics[0]?.evidence?.join('\n')).toContain(
    'unknown type name',
  )
  expect(execFileSync(process.execPath, [bin, 'runs', '--json'], { cwd: folder, encoding: 'utf8' })).toBe(
    runs,
  )
  writeFileSync(source, good)
})
