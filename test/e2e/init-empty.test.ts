/** `init` in an empty folder: the files of a new project, whose test passes as written. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { initJson } from '../../src/cli/shapes.ts'
import { openTerminal } from '../support/tmux.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const BIN = join(root, 'dist/cli/bin.js')
const home = mkdtempSync(join(tmpdir(), 'bringup-empty-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

function folderOf(name: string): string {
  const folder = join(home, name)
  mkdirSync(folder)
  return folder
}
const call = (cwd: string, ...words: readonly string[]) =>
  spawnSync(process.execPath, [BIN, ...words], { cwd, encoding: 'utf8' })
const FILES = ['.gitignore', 'bringup.config.ts', 'package.json', 'tests/machine.test.ts', 'vitest.config.ts']

test('the scaffolded test passes as written', () => {
  const folder = folderOf('new')
  const init = call(folder, 'init', '--yes')
  expect(init.status, init.stderr).toBe(0)
  expect(init.stdout).toMatch(
    /next:\n {2}npm install --save-dev bringup vitest .*\n {2}npx bringup run .*\n {2}npx vitest run /,
  )
  expect(`${init.stdout}${init.stderr}`).not.toMatch(/to decide|error|warning|nothing that/i)
  for (const path of FILES) expect(existsSync(join(folder, path)), path).toBe(true)
  // `npm install`, from this checkout.
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/bringup'))
  symlinkSync(join(root, 'node_modules/vitest'), join(folder, 'node_modules/vitest'))
  const run = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run'], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
  expect(run.stdout, run.stderr).toMatch(/Tests {2}1 passed/)
  expect(call(folder, 'init', '--yes').stdout).toContain('exists and was not changed')
})

test('what is there stays: scripts, ignored files, a config of Vitest', () => {
  const folder = folderOf('package')
  const own = { name: 'mine', scripts: { test: 'mocha', start: 'node x.js' }, dependencies: { a: '1' } }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(own))
  writeFileSync(join(folder, '.gitignore'), 'dist\n/node_modules')
  writeFileSync(join(folder, 'README.md'), '# mine\n')
  expect(initJson.parse(JSON.parse(call(folder, 'init', '--json').stdout))).toMatchObject({
    state: 'written',
    files: ['bringup.config.ts', 'tests/machine.test.ts', 'vitest.config.ts', '.gitignore', 'package.json'],
  })
  expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).toEqual({
    ...own,
    scripts: { ...own.scripts, setup: 'bringup setup' },
  })
  expect(readFileSync(join(folder, '.gitignore'), 'utf8')).toBe('dist\n/node_modules\n.bringup/\n')
})

test('--dry-run writes nothing', () => {
  const folder = folderOf('dry')
  expect(call(folder, 'init', '--dry-run').stdout).toContain('tests/machine.test.ts')
  expect(existsSync(join(folder, 'bringup.config.ts'))).toBe(false)
})

test('a terminal is asked, and may say no', { timeout: 300_000 }, async () => {
  const terminal = await openTerminal({ NO_COLOR: '1' })
  try {
    const folder = folderOf('asked')
    await terminal.type(`cd ${folder} && clear`)
    await terminal.bringup('init')
    await terminal.shows(/Write these files\?/)
    await terminal.type('n')
    await terminal.shows(/Nothing was written/)
    expect(existsSync(join(folder, 'bringup.config.ts'))).toBe(false)
  } finally {
    await terminal[Symbol.asyncDispose]()
  }
})
