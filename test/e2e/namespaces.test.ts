/** What a Linux guest makes of NVDIMMs (namespaces in every mode, the platform's promise) is compared with the description. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { Guest } from '../../src/guest/guest.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { expect, test } from '../support/guests.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-namespaces-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
writeFileSync(
  join(folder, 'bringup.config.ts'),
  `import { defineConfig, linuxProfile } from 'bringup'
   export default defineConfig({ profiles: [linuxProfile({ name: 'tools', programs: ['ndctl'] })] })`,
)
const project = { folder, profile: 'tools' }

async function output(guest: Guest, ...argv: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await guest.run(argv, { timeoutMs: 1_000_000 })
  expect({ argv, exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ argv, exitCode: 0, stderr: '' })
  return stdout
}

/** What Linux made of one NVDIMM, aspect by aspect. */
async function compared(guest: Guest, id: string): Promise<Readonly<Record<string, string | null>>> {
  const rows = (await guest.verify()).filter((c) => c.device === `nvdimm ${id}` && c.by === 'Linux')
  return Object.fromEntries(rows.map((c) => [c.aspect, c.ok ? 'ok' : (c.got ?? null)]))
}

const MODES = ['raw', 'sector', 'fsdax', 'devdax'] as const
const labelled = (namespaces?: readonly (typeof MODES)[number][]): MachineInput => ({
  timeout: '19m',
  devices: [
    {
      kind: 'nvdimm',
      id: 'pm0',
      size: '256M',
      label: '128K',
      ...(namespaces ? { namespaces: [...namespaces] } : {}),
    },
  ],
})

test('namespaces of every mode are made in one run, and found by the next', async ({ launch }) => {
  const first = await launch(labelled(), project)
  expect(await compared(first, 'pm0')).toMatchObject({ labels: 'ok', access: 'ok' })
  await output(first, 'ndctl', 'disable-region', 'all')
  await output(first, 'ndctl', 'init-labels', '-f', 'all')
  await output(first, 'ndctl', 'enable-region', 'all')
  for (const mode of MODES) await output(first, 'ndctl', 'create-namespace', '--mode', mode, '--size', '48M')
  await first.close()
  const second = await launch(labelled(MODES), project)
  expect(await compared(second, 'pm0')).toMatchObject({ namespaces: 'ok' })
  const listed = JSON.parse(await output(second, 'ndctl', 'list', '-N')) as { mode: string }[]
  expect(listed.map((n) => n.mode).sort()).toEqual([...MODES].sort())
  await second.close()
  // Another description is told the difference.
  const third = await launch(labelled(['fsdax']), project)
  expect((await compared(third, 'pm0')).namespaces).not.toBe('ok')
})

test('mem-ctrl and an unarmed DIMM look to Linux as they are described', async ({ launch }) => {
  const guest = await launch(
    {
      nvdimmPersistence: 'mem-ctrl',
      devices: [
        { kind: 'nvdimm', id: 'plain', size: '64M' },
        { kind: 'nvdimm', id: 'broken', size: '64M', unarmed: true },
      ],
    },
    project,
  )
  const plain = await compared(guest, 'plain')
  const broken = await compared(guest, 'broken')
  expect(Object.values(plain).every((word) => word === 'ok')).toBe(true)
  expect(broken).toMatchObject({ armed: 'ok', access: 'ok' })
  expect(await output(guest, 'cat', '/sys/bus/nd/devices/region0/persistence_domain')).toBe(
    'memory_controller\n',
  )
})
