import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { Collector } from './collector.ts'
import { main } from './main.ts'
import { errorJson, runsJson } from './shapes.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function bringup(...argv: readonly string[]) {
  const [stdout, stderr] = [new Collector(), new Collector()]
  const signal = new AbortController().signal
  const exitCode = await main(argv, { stdout, stderr, env: {}, cwd: folder, signal, version: '1.2.3' })
  return { exitCode, out: stdout.text, err: stderr.text }
}

describe('a wrong command line', () => {
  test.each([
    [['rusn'], 'did you mean runs or run?'],
    [['runs', '--jsn'], 'did you mean --json?'],
    [['runs', 'shwo'], 'did you mean show?'],
    [['runs', 'path', 'a', 'b'], 'too many arguments'],
    [['runs', '--last', 'many'], 'wants a whole number'],
    [['runs', '--', 'ls'], 'nothing may follow --'],
    [['sweep', 'keep', '--', 'main'], 'put it in front of `--`'],
    [['completion', 'tcsh'], 'bash'],
    [['completion', 'zhs'], 'did you mean zsh?'],
    [['help', 'rnu'], 'did you mean run?'],
    [['rusn', '--help'], 'did you mean runs or run?'],
    [['run', '--accel', 'kvmm'], 'did you mean kvm? The values are auto, kvm, and tcg'],
    [['run', '--type', 'q53'], '--type q53: "q53" is not a value of --type'],
    [['run', '--machine', 'defualt'], 'did you mean "default"?'],
    [['run', '--profile', 'linx'], 'did you mean "linux"?'],
    [['runs', '--last'], 'argument missing'],
    [['--project'], 'argument missing'],
  ])('%j is refused with a remedy', async (argv, words) => {
    const { exitCode, out, err } = await bringup(...argv)
    expect(err).toContain(words)
    expect(err).toContain('remedy')
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' })
  })

  test('is one JSON value on stdout under --json, wherever --json stands', async () => {
    for (const argv of [
      ['--json', 'rusn'],
      ['runs', 'show', 'x', '--json'],
    ]) {
      const { out, err, exitCode } = await bringup(...argv)
      expect(errorJson.strict().parse(JSON.parse(out)).exitCode).toBe(2)
      expect({ err, exitCode }).toEqual({ err: '', exitCode: 2 })
    }
  })
})

test('help is no error, has examples, and names the global options for every command', async () => {
  const { exitCode, out } = await bringup('runs', 'show', '--help')
  expect(exitCode).toBe(0)
  expect(out).toContain('bringup runs show last --json')
  expect(out).toContain('--state <folder>')
  expect(out).not.toContain('--last')
  expect((await bringup()).out).toContain('Exit codes:')
  const run = (await bringup('run', '--help')).out
  const headings = run.split('\n').filter((line) => /^\S.*:$/.test(line))
  expect(headings).toEqual([
    'What boots:',
    'Hardware:',
    'Files of this computer:',
    'Verdict:',
    'gdb:',
    'Output:',
    'Background runs:',
    'Options:',
    'Global options:',
    'Examples:',
  ])
  expect((await bringup('--version')).out).toBe('1.2.3\n')
})

test('a project without runs says so, to people and to programs', async () => {
  expect(await bringup('runs')).toMatchObject({
    exitCode: 0,
    out: '',
    err: expect.stringContaining('bringup run'),
  })
  const { out } = await bringup('runs', '--json')
  expect(runsJson.parse(JSON.parse(out))).toEqual({ runs: [] })
  expect((await bringup('runs', 'show')).err).toContain('RUN_NOT_FOUND')
})

test('a broken config is an error with its line', async () => {
  const file = join(folder, 'broken.json')
  writeFileSync(file, '{\n  "machines": {,}\n}\n')
  const { err, exitCode } = await bringup('machines', '--project', file)
  expect(err).toContain(`${file}:2:16`)
  expect(err).toContain('2 |   "machines": {,}')
  expect(exitCode).toBe(2)
})

test('completes commands, options, values and names', async () => {
  const complete = async (...words: readonly string[]) =>
    (await bringup('completion', 'words', '--', ...words)).out.split('\n').filter(Boolean)
  expect(await complete('ru')).toEqual(['run', 'runs'])
  expect(await complete('runs', 's')).toEqual(['show'])
  expect(await complete('runs', '--l')).toEqual(['--last'])
  expect(await complete('runs', 'show', '')).toEqual(['last'])
  expect(await complete('completion', '')).toEqual(['bash', 'zsh', 'fish'])
  // Of the profiles only those that have a source.
  expect(await complete('checkout', '')).toEqual(['linux', 'nrk'])
  expect(await complete('run', '--type', '')).toEqual(['q35', 'pc'])
  expect(await complete('run', '--machine', '')).toEqual(['default'])
  expect(await complete('--project', '')).toEqual([])
})

test.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
  const { out, exitCode } = await bringup('completion', shell)
  expect(out).toContain('bringup completion words --')
  expect(exitCode).toBe(0)
})
