/** A tree of nrk's shape, from cargo to the verdict. Its crates are small; cargo, OVMF and the debug port are real. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { buildJson, errorJson, planJson, runJson } from '../../src/cli/shapes.ts'

const bin = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'bringup nrk '))
const folder = join(home, 'a tree')
cpSync(fileURLToPath(new URL('../fixtures/nrk-tree', import.meta.url)), folder, { recursive: true })
writeFileSync(
  join(folder, 'bringup.config.ts'),
  `import { defineConfig, nrkProfile } from 'bringup'
export default defineConfig({
  profile: 'tree',
  profiles: [nrkProfile({ name: 'tree', standardLibrary: 'none' })],
})
`,
)
afterAll(() => rmSync(home, { recursive: true }))

function bringup(...argv: readonly string[]) {
  return spawnSync(process.execPath, [bin, ...argv], { cwd: folder, encoding: 'utf8' })
}

const json = (...argv: readonly string[]): unknown => JSON.parse(bringup(...argv, '--json').stdout)

function resultOf(...flags: readonly string[]) {
  const result = buildJson.parse(json('build', ...flags))
  if (!('result' in result)) throw new Error('nothing was built')
  return result
}

const esps = () => join(folder, '.bringup/build/esp')
/** The fixture's target files are in the form that compilers since 1.90 read. */
const cargo = spawnSync('cargo', ['--version'], { encoding: 'utf8' }).stdout ?? ''
const hasCargo = Number(/^cargo 1\.(\d+)/.exec(cargo)?.[1] ?? 0) >= 90

test.skipIf(!hasCargo)('cargo builds every part, and the ESP has what the boot loader looks for', () => {
  const built = resultOf('--release', '--cmd', 'log=info', '--kfeatures', 'integration-test')
  expect(built.result).toBe('built')
  const [name = ''] = readdirSync(esps())
  const esp = join(esps(), name)
  expect(readdirSync(esp, { recursive: true }).sort()).toEqual([
    ...['EFI', 'EFI/Boot', 'EFI/Boot/BootX64.efi', 'boot.php', 'cmdline.in', 'init', 'kernel'],
  ])
  expect(readFileSync(join(esp, 'cmdline.in'), 'utf8')).toBe('./kernel log=info mid=0')
  // The features reached the compiler: a function is there only with them.
  expect(readFileSync(join(esp, 'kernel'), 'latin1')).toContain('with_integration_test')
  expect(existsSync(join(folder, 'target/x86_64-nrk/release/nrk'))).toBe(true)
})

test.skipIf(!hasCargo)('rump programs are found by their feature; nothing is done twice', () => {
  const flags = ['--mods', 'rkapps', '--mods', 'init', '--ufeatures', 'rkapps:redis,init:test-print']
  expect(resultOf(...flags).result).toBe('built')
  const found = readdirSync(esps()).filter((name) => existsSync(join(esps(), name, 'redis.bin')))
  expect(found).toHaveLength(1)
  const again = resultOf(...flags)
  expect(again.targets.find((t) => t.id === 'esp')?.state).toBe('current')
})

test.skipIf(!hasCargo)('it boots by UEFI; 0 is success and no refusal of QEMU’s', () => {
  const run = runJson.parse(json('run', '--timeout', '90s'))
  expect(run).toMatchObject({ verdict: 'passed', exitCode: 0, guests: [{ result: { guestCode: 0 } }] })
  const folder = run.guests[0]?.result?.folder ?? ''
  expect(readFileSync(join(folder, 'console.log'), 'utf8')).toContain('boot loader running')
})

test('the words of its own tool describe the machine', () => {
  const words = ['--qemu-nodes', '2', '--qemu-cores', '4', '--qemu-memory', '2048', '--qemu-pmem', '512']
  const [plan] = planJson.parse(json('plan', ...words, '--nic', 'vmxnet3', '--qemu-affinity', '[0]')).guests
  expect(plan?.machine).toMatchObject({
    cpu: { count: 4 },
    devices: [
      { kind: 'nvdimm', id: 'pmem0', node: 0, size: 256 * 1024 ** 2 },
      { kind: 'nvdimm', id: 'pmem1', node: 1 },
      { kind: 'nic', model: 'vmxnet3' },
    ],
    pins: [{ cpu: 0, hostCpus: [0] }, { cpu: 1, hostCpus: [0] }, {}, {}],
  })
  expect(plan?.argv.join(' ')).toContain('nvdimm-persistence=cpu')
})

test('words that mean something else here are explained, all at once', () => {
  const words = ['--norun', '--qemu-monitor', '--qemu-nodes', 'two', '--qemu-pmem', '7']
  const { status, stdout } = bringup('plan', ...words, '--json')
  expect(status).toBe(2)
  expect(errorJson.parse(JSON.parse(stdout)).diagnostics.map((d) => d.code)).toEqual([
    ...['NRK_FLAG_REPLACED', 'NRK_FLAG_REPLACED', 'NRK_FLAG_VALUE'],
  ])
})
