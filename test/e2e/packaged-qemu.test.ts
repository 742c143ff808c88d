/** QEMU from the packages of another suite: installed, run, chosen by need, kept while it is used, removed. */
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, expect, test } from 'vitest'

const BIN = join(import.meta.dirname, '../../dist/cli/bin.js')
const folder = mkdtempSync(join(tmpdir(), 'packaged qemu '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const qemus = join(folder, 'data/bringup/qemus')

writeFileSync(
  join(folder, 'bringup.config.ts'),
  `import { defineConfig } from 'bringup'
  export default defineConfig({
    machines: {
      default: {
        accel: 'tcg',
        memory: { size: '256M' },
        devices: [
          { kind: 'cxl', id: 'mem0', type: 'volatile', size: '256M' },
          { kind: 'nvdimm', id: 'pm0', size: '128M' },
        ],
      },
    },
  })`,
)

const start = (words: readonly string[]) =>
  execa(process.execPath, [BIN, ...words], {
    cwd: folder,
    reject: false,
    env: { XDG_DATA_HOME: join(folder, 'data'), BRINGUP_QEMU: undefined },
  })

test('an interrupted installation leaves nothing', async () => {
  const child = start(['qemu', 'install', '>=10 <12', '--from', 'packages'])
  // The first phase has begun: apt runs.
  await once(child.stderr, 'data')
  child.kill('SIGINT')
  expect((await child).exitCode).toBe(130)
  expect(readdirSync(qemus).filter((name) => name !== '.lock')).toEqual([])
})

test('installs it, runs an NVDIMM and volatile CXL memory on it, and finds what has changed', async () => {
  const lacks = await start(['run', '--verify', '--qemu', 'system'])
  const installed = await start([
    'qemu',
    'install',
    '>=10 <12',
    '--from',
    'packages',
    '--name',
    'ten',
    '--json',
  ])
  expect(installed.stderr).toBe('')
  expect(JSON.parse(installed.stdout)).toMatchObject({
    name: 'ten',
    features: expect.arrayContaining(['cxl-volatile', 'plugin-registers', 'nvdimm']),
    from: {
      kind: 'packages',
      packages: expect.arrayContaining([expect.objectContaining({ name: 'seabios' })]),
    },
  })
  // The machine names none: it gets the one that has volatile CXL memory, if the default lacks it.
  const wish = lacks.exitCode === 0 ? ['--qemu', 'ten'] : []
  if (lacks.exitCode !== 0) expect(lacks.stderr).toContain('`bringup qemu install 10.0 --from packages`')
  const run = await start(['run', '--verify', ...wish, '--json'])
  expect([run.exitCode, run.stderr]).toEqual([0, ''])
  const plan = JSON.parse((await start(['plan', ...wish, '--json'])).stdout).guests[0]
  expect(plan.qemu).toMatchObject({
    path: join(qemus, 'ten/usr/bin/qemu-system-x86_64'),
    starting: { installed: 'ten' },
  })
  expect(plan.argv).toContain(join(qemus, 'ten/usr/share/seabios'))
  expect(
    (await start(['qemu', 'install', '>=10 <12', '--from', 'packages', '--name', 'ten'])).stderr,
  ).toContain('QEMU_INSTALLED_ALREADY')

  writeFileSync(join(folder, 'plan.json'), (await start(['plan', ...wish, '--json'])).stdout)
  // Another default changes nothing for a plan.
  await start(['qemu', 'use', 'ten'])
  expect(await start(['run', '--plan', 'plan.json'])).toMatchObject({ exitCode: 0 })
  expect((await start(['qemu', 'remove', 'ten', '--yes'])).stderr).toContain('QEMU_IN_USE')
  await start(['qemu', 'use', 'system'])

  expect(await start(['qemu', 'verify'])).toMatchObject({ exitCode: 0 })
  writeFileSync(join(qemus, 'ten/usr/share/seabios/bios-256k.bin'), '')
  const verified = await start(['qemu', 'verify', 'ten'])
  expect([verified.exitCode, verified.stdout]).toEqual([
    2,
    expect.stringContaining('changed: usr/share/seabios/bios-256k.bin'),
  ])
  expect(await start(['qemu', 'remove', 'ten', '--yes'])).toMatchObject({ exitCode: 0 })
  expect(existsSync(join(qemus, 'ten'))).toBe(false)
  const outdated = await start(['run', '--plan', 'plan.json'])
  expect([outdated.exitCode, outdated.stderr]).toEqual([
    2,
    expect.stringContaining('its QEMU, ten, is not installed any more'),
  ])
})
