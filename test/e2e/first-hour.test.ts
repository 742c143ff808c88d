/**
 * The first hour of two users in a terminal of 80x24: a Linux developer, and the author of a test. Every step waits for
 * what the screen shows.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openTerminal, type Terminal } from '../support/tmux.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const minutes = { timeout: 900_000 }

let terminal: Terminal
beforeEach(async () => {
  terminal = await openTerminal({ NO_COLOR: '1' })
})
afterEach(() => terminal[Symbol.asyncDispose]())

/** Types into an empty screen, and resolves once the shell prompts again. */
async function finish(type: () => Promise<void>): Promise<string> {
  await terminal.type('clear')
  await terminal.shows(/^host>$/)
  await type()
  return terminal.shows(/\nhost>$/)
}
const bringup = (words: string) => finish(() => terminal.bringup(words))

test('a Linux developer: doctor, a machine, a command, a shell, the record', minutes, async () => {
  expect(await bringup('doctor')).toContain('Machines can run here.')
  expect(await bringup('run --numa 2 --cores 2 --nvdimm 64M,node=1')).toMatch(/^passed the probe kernel/m)
  expect(await bringup('run --numa 2 --nvdimm 64M,node=7')).toMatch(/^error NVDIMM_NODE_MISSING/m)
  expect(await bringup('run --profile linux -- uname -s')).toMatch(/^Linux$/m)

  await terminal.type('clear')
  await terminal.bringup('run --profile linux --cores 2')
  await terminal.shows(/guest:\/#$/)
  await terminal.type('nproc')
  await terminal.shows(/^2$/m)
  await terminal.type('exit')
  expect(await terminal.shows(/\nhost>$/)).toMatch(/^passed /m)

  expect((await bringup('runs')).match(/ linux +passed /g)).toHaveLength(2)
})

const CONFIG = `import { defineConfig } from 'bringup'

export default defineConfig({
  machines: {
    default: { cpu: 2, numa: 2, devices: [{ kind: 'nvdimm', id: 'pm0', size: '16M', node: 1 }] },
  },
})
`
const TEST = (node: number) => `import { expect, test } from 'bringup/test'

test('the NVDIMM is on its node', async ({ guest }) => {
  await expect(guest).toSeeDevice('nvdimm', { node: ${node} })
})
`

/** `npm install bringup vitest`, from this checkout. */
function install(folder: string): void {
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  symlinkSync(root, join(modules, 'bringup'))
  symlinkSync(join(root, 'node_modules/vitest'), join(modules, 'vitest'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
}

test('the author of a test: a config, a test, a failure that explains itself', minutes, async () => {
  const { folder } = terminal
  install(folder)
  writeFileSync(join(folder, 'bringup.config.ts'), CONFIG)
  writeFileSync(join(folder, 'nvdimm.test.ts'), TEST(1))
  expect(await bringup('machines default')).toContain('nvdimm pm0 16M')
  const vitest = `${process.execPath} node_modules/vitest/vitest.mjs run`
  expect(await finish(() => terminal.type(vitest))).toMatch(/Tests {2}1 passed/)

  writeFileSync(join(folder, 'nvdimm.test.ts'), TEST(0))
  await finish(() => terminal.type(`${vitest} > log 2>&1`))
  const log = readFileSync(join(folder, 'log'), 'utf8')
  expect(log).toMatch(/nvdimm\.test\.ts:4:\d+/)
  expect(log).toMatch(/node/)
  expect(log.match(/\.bringup\/|run folder|folder /)).not.toBeNull()
})
