/** Values that no config should hold are findings, never a stack. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import { previewGuest } from './planning.ts'
import { loadProject } from './project.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-hostile-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function codesOf(text: string): Promise<readonly string[]> {
  const file = join(mkdtempSync(join(folder, 'c')), 'bringup.config.mjs')
  writeFileSync(file, `${text}\n`)
  try {
    const { plan } = await previewGuest({
      project: await loadProject({ cwd: folder, project: file }),
      profile: 'bare',
    })
    return plan.diagnostics.filter((d) => d.severity === 'error').map((d) => d.code)
  } catch (error) {
    if (error instanceof BringupError) return error.diagnostics.map((d) => d.code)
    throw error
  }
}

const machine = (text: string) => `export default { machines: { default: ${text} } }`

test.each([
  machine('{ memory: 1n }'),
  machine('{ memory: { size: 10n ** 30n } }'),
  machine("{ memory: '1e400' }"),
  machine("{ memory: '-512M' }"),
  machine("{ memory: '0x10' }"),
  machine('{ memory: NaN }'),
  machine('{ memory: -1 }'),
  machine('{ memory: Infinity }'),
  machine('{ memory: 1e300 }'),
  machine('{ memory: new Date() }'),
  machine('{ memory: () => 5 }'),
  machine('{ memory: Symbol.iterator }'),
  machine('{ cpu: 65536 }'),
  machine('{ cpu: 4294967296 }'),
  machine('{ cpu: { cores: 65536 } }'),
  machine('{ cpu: { sockets: 65535, cores: 65535, threads: 65535, dies: 65535 } }'),
  machine('{ cpu: 2, numa: { nodes: [{ cpus: 4294967296 }] } }'),
  machine('{ cpu: 2, numa: { nodes: [{ cpus: [4294967295] }] } }'),
  machine("{ cpu: 2, numa: { nodes: [{ cpus: '0-4294967295' }] } }"),
  machine('{ numa: 4294967296 }'),
  machine('{ numa: 1000 }'),
  machine("{ boot: { kernel: 'a\\u0000b' } }"),
  machine("{ devices: [{ kind: 'nvdimm', size: '16M', file: '/tmp/\\u0000' }] }"),
  machine("{ qemuArgs: ['-name', '\\u0000'] }"),
  machine('(() => { const m = {}; m.extends = m; return m })()'),
  machine('(() => { const m = { devices: [] }; m.devices.push(m); return m })()'),
  machine("{ get memory() { throw new Error('no') } }"),
  machine("new Proxy({}, { ownKeys() { throw new Error('no') } })"),
  machine("new Proxy({}, { get() { throw new Error('no') } })"),
  machine('{ devices: Array.from({ length: 20000 }, () => null) }'),
  machine('JSON.parse("[".repeat(3000) + "]".repeat(3000))'),
  machine('{ timeout: 1e300 }'),
  machine('null'),
  'export default { profiles: null }',
  'export default { profiles: [null] }',
  'export default { profiles: {} }',
  'export default { profiles: [{ name: 5 }] }',
  'export default { machines: null }',
  'export default { machines: { default: {} }, defaultMachine: "__proto__" }',
  'export default { profile: "__proto__" }',
  'export default new Proxy({}, { get() { throw new Error("no") } })',
  'export default { build: { x: 1n } }',
  'export default { kernel: 5n }',
])('%s', async (text) => {
  expect((await codesOf(text)).length).toBeGreaterThan(0)
})

test("' 512M ' is a size", async () => {
  expect(await codesOf(machine("{ memory: ' 512M ' }"))).toEqual(['BOOT_NOTHING'])
})
