/** The recipe of RDMA without hardware, with its files as they are written. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-rdma-'))
const page = readFileSync(join(root, 'docs/recipes/rdma-without-hardware.md'), 'utf8')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeAll(() => {
  const files = [...page.matchAll(/^```\w+ \[(.+)\]\n([\s\S]*?)^```$/gm)]
  expect(files.map(([, name]) => name)).toEqual(['bringup.config.ts', 'rdma.test.ts'])
  for (const [, name = '', text = ''] of files) writeFileSync(join(folder, name), text)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/bringup'))
  symlinkSync(join(root, 'node_modules/vitest'), join(folder, 'node_modules/vitest'))
})

test('the recipe’s test passes', { timeout: 1_200_000 }, () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run'],
    { cwd: folder, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1', CI: '1' } },
  )
  expect(status, `${stdout}\n${stderr}`).toBe(0)
})
