/**
 * Source trees of common kinds: `init`, `build` and `run`, and the kernel's words are read. Each boots with what `init`
 * wrote; one whose tools are missing here says which.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { TREES, type Tree } from '../support/trees.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'bringup-trees-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const isThere = (program: string) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

function write(name: string, { files }: Tree): string {
  const folder = join(home, name.replaceAll(/\W+/g, '-'))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content, { mode: /^#!/.test(`${content}`) ? 0o755 : 0o644 })
  }
  return folder
}

const call = (cwd: string, ...words: readonly string[]) =>
  spawnSync(process.execPath, [BIN, ...words], { cwd, encoding: 'utf8' })

function initialise(folder: string, { boots }: Tree): void {
  const init = call(folder, 'init')
  expect(init.status, init.stderr).toBe(0)
  const config = readFileSync(join(folder, 'bringup.config.ts'), 'utf8')
  expect(config).toMatch(boots)
  expect(config).not.toContain('To decide')
}

const lacking = ({ needs = [] }: Tree) => needs.filter((program) => !isThere(program))
const all = Object.entries(TREES)
const READY = all.filter(([, tree]) => lacking(tree).length === 0)
const LACKING = all.filter(([, tree]) => lacking(tree).length > 0)

describe('boots as its config was written', () => {
  test.each(READY)('%s', (name, tree) => {
    const folder = write(name, tree)
    initialise(folder, tree)
    const build = call(folder, 'build')
    expect(build.status, build.stderr).toBe(0)
    const run = call(folder, 'run', '--no-build', '--until', tree.says, '--timeout', '10m')
    expect(run.stderr).toMatch(new RegExp(`"${tree.says}"`))
    expect(run.status, run.stderr).toBe(0)
  })
})

describe('says what it needs, where that is missing here', () => {
  test.each(LACKING)('%s', (name, tree) => {
    const folder = write(name, tree)
    initialise(folder, tree)
    const build = call(folder, 'build')
    const setup = call(folder, 'setup', '--dry-run', 'build')
    expect(build.status).not.toBe(0)
    // Set-up names the package.
    const packageOf = (program: string) => (program === 'grub-mkrescue' ? 'grub-common' : program)
    for (const program of lacking(tree))
      expect(`${setup.stdout}${setup.stderr}`).toContain(packageOf(program))
    expect(
      lacking(tree).some((program) => build.stderr.includes(program)),
      build.stderr,
    ).toBe(true)
  })
})

test('there are 20 kinds of trees, and 18 of them boot where their tools are', () => {
  expect(all.length).toBeGreaterThanOrEqual(20)
  const rare = ['cargo', 'just', 'limine']
  const needing = LACKING.filter(([, { needs = [] }]) => !needs.some((program) => rare.includes(program)))
  expect(needing.map(([name]) => name)).toEqual([])
})
