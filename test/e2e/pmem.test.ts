/** `bringup pmem` as a person or a program meets it, on a computer where nothing is to be changed. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { errorJson, operationJson, pmemPlanJson, pmemStatusJson } from '../../src/cli/shapes.ts'

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const log = (name: string) => path(`test/pmem/maps/${name}.log`)
const folder = mkdtempSync(join(tmpdir(), 'bringup pmem '))
afterAll(() => rmSync(folder, { recursive: true }))

function bringup(argv: readonly string[], input = '') {
  const { stdout, stderr, status } = spawnSync(process.execPath, [path('dist/cli/bin.js'), 'pmem', ...argv], {
    cwd: folder,
    encoding: 'utf8',
    input,
    env: { ...process.env, XDG_STATE_HOME: folder, HOME: folder },
  })
  return { stdout, stderr, status }
}
const json = (argv: readonly string[], input?: string): unknown =>
  JSON.parse(bringup([...argv, '--json'], input).stdout)

test('plans for another computer, by its log in a file or on standard input', () => {
  const wanted = {
    regions: [{ start: 4 * 2 ** 30, bytes: 16 * 2 ** 30, parameter: 'memmap=16G!4G' }],
    diagnostics: [],
  }
  expect(
    pmemPlanJson.parse(json(['plan', '--size', '16G', '--memory-map', log('laptop-33g')])),
  ).toMatchObject(wanted)
  const text = readFileSync(log('laptop-33g'), 'utf8')
  expect(pmemPlanJson.parse(json(['plan', '--size', '16G', '--memory-map', '-'], text))).toMatchObject(wanted)
  const { stdout, status } = bringup([
    'plan',
    '--size',
    '1G',
    '--count',
    '2',
    '--memory-map',
    log('two-nodes-4g'),
  ])
  expect([status, stdout]).toEqual([0, expect.stringContaining('kernel  memmap=1G!1G memmap=1G!4G')])
})

test('says all that is wrong with a place, and exits with 2', () => {
  const argv = ['plan', '--size', '4G', '--at', '2G', '--memory-map', log('laptop-33g')]
  expect(pmemPlanJson.parse(json(argv)).diagnostics.map((d) => d.code)).toEqual([
    'PMEM_NOT_RAM',
    'PMEM_RESERVED',
  ])
  expect(bringup(argv).status).toBe(2)
})

test('wrong words are told apart', () => {
  const map = ['--memory-map', log('laptop-33g')]
  for (const [argv, words] of [
    [['plan'], '--size is missing'],
    [['plan', '--size', 'much'], '--size much is no size'],
    [['plan', '--size', '1G', '--at', 'here'], '--at here is no address'],
    [['plan', '--size', '1G', '--node', 'x'], '--node x is no whole number'],
    [['plan', '--size', '1G', '--mount-at', 'mnt', ...map], '--mount-at mnt does not begin with /'],
    [
      ['plan', '--size', '1G', '--count', '2', '--mount-at', '/mnt/x', ...map],
      'two regions would be mounted on /mnt/x',
    ],
    [['plan', '--size', '1G', '--memory-map', 'missing'], '--memory-map missing cannot be read'],
  ] as const) {
    const { diagnostics } = errorJson.parse(json(argv))
    expect(diagnostics).toMatchObject([{ code: 'USAGE', what: expect.stringContaining(words) }])
  }
  expect(
    errorJson.parse(json(['plan', '--size', '1G', '--memory-map', '-'], 'nothing')).diagnostics,
  ).toMatchObject([{ code: 'PMEM_NO_MEMORY_MAP' }])
})

test('where nothing was done there is no status, and nothing to take back', () => {
  expect(pmemStatusJson.parse(json(['status']))).toMatchObject({ operation: null, state: 'none' })
  expect(operationJson.parse(json(['undo']))).toMatchObject({ state: 'nothing-to-do' })
})
