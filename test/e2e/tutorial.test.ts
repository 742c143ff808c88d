/** The tutorial, typed as it is written: its files, its commands, the packed tool in an empty project. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup tutorial '))
const page = readFileSync(join(root, 'docs/guide/tutorial.md'), 'utf8')

beforeAll(() => {
  for (const [, name = '', text = ''] of page.matchAll(/^```\w+ \[(.+)\]\n([\s\S]*?)^```$/gm)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  // `npm install` of the packed tool, with this checkout's packages beside it.
  const home = join(folder, 'node_modules/bringup')
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const [{ filename }] = JSON.parse(execFileSync('npm', pack, { cwd: root, encoding: 'utf8' }))
  mkdirSync(home, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', home, '--strip-components=1'])
  symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'))
  symlinkSync(join(root, 'node_modules/vitest'), join(folder, 'node_modules/vitest'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(argv: readonly string[], input = '') {
  const [program = '', ...args] = argv
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
    input,
    env: { ...process.env, NO_COLOR: '1', CI: '1' },
  })
  return { status, output: stdout + stderr }
}

const bringup = (...words: readonly string[]) => [
  join(folder, 'node_modules/bringup/dist/cli/bin.js'),
  ...words,
]

test('the commands of the page are the ones tried here', () => {
  const commands = [...page.matchAll(/^npx (.*?)(?: +#.*)?$/gm)].map(([, words]) => words)
  expect(commands).toEqual([
    'bringup doctor',
    'bringup run',
    "bringup run --until 'kernel is up'",
    'bringup build',
    'vitest run',
  ])
})

test('bringup run builds, boots, and passes when the kernel exits', () => {
  const { status, output } = run(bringup('run', '--timeout', '10m'), 'q')
  expect(output).toContain('kernel is up')
  expect(status, output).toBe(0)
})

test('a kernel that does not exit passes when it has shown the text', () => {
  const { status, output } = run(bringup('run', '--until', 'kernel is up', '--timeout', '10m'))
  expect(status, output).toBe(0)
})

test('the test file passes as it is written', { timeout: 1_200_000 }, () => {
  const { status, output } = run([join(root, 'node_modules/vitest/vitest.mjs'), 'run'])
  expect(output).toMatch(/Tests\s+3 passed/)
  expect(status).toBe(0)
})
