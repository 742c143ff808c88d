import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import { type MachineInput, viewOf } from '../machine/machine.ts'
import { MiB } from '../units.ts'
import { describeRun, previewGuest } from './planning.ts'
import type { Project } from './project.ts'
import { chooseRun } from './selection.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-planning-'))
afterAll(() => rmSync(folder, { recursive: true }))

const projectOf = (machine: MachineInput, more: Partial<Project> = {}): Project => ({
  folder,
  configFile: join(folder, 'bringup.config.ts'),
  machines: { default: machine },
  racks: {},
  defaultMachine: 'default',
  profiles: [],
  stateFolder: join(folder, '.bringup'),
  ...more,
})

const viewUnder = async (profile: string, machine: MachineInput) => {
  const { config, name } = await chooseRun({ project: projectOf(machine), profile })
  return viewOf(name, config)
}

async function findings(request: Parameters<typeof previewGuest>[0]): Promise<readonly string[]> {
  try {
    const { plan } = await previewGuest(request)
    return plan.diagnostics.filter((d) => d.severity === 'error').map((d) => `${d.code} ${d.path}`)
  } catch (error) {
    if (error instanceof BringupError) return error.diagnostics.map((d) => `${d.code} ${d.path}`)
    throw error
  }
}

test.each(['bare', 'probe', 'linux', 'debian', 'nrk'])(
  'the RAM of profile %s gives way to nodes, page size and maximum',
  async (profile) => {
    const nodes = { numa: { nodes: [{ memory: '96M' }, { memory: '32M' }] } }
    expect((await viewUnder(profile, nodes)).ramBytes).toBe(128 * MiB)
    const large = { numa: { nodes: [{ memory: '3G' }, {}] } }
    expect((await viewUnder(profile, large)).ramBytes).toBe(3072 * MiB)
    expect((await viewUnder(profile, { memory: { hugePages: '1G' } })).ramBytes).toBe(1024 * MiB)
    expect((await viewUnder(profile, { memory: { max: '200M' } })).ramBytes).toBe(100 * MiB)
  },
)

test('the firmware and type of a profile give way to what the machine needs', async () => {
  expect((await viewUnder('debian', { boot: { esp: 'esp' } })).firmware).toBe('uefi')
  expect((await viewUnder('debian', { boot: { kernel: 'k' } })).firmware).toBe('direct')
  expect((await viewUnder('nrk', { devices: [{ kind: 'cxl', size: '256M' }] })).type).toBe('q35')
})

test('a device does not take the place of the profile’s own', async () => {
  const project = projectOf({ devices: [{ kind: 'nvdimm', id: 'shell', size: '128M' }] })
  expect(await findings({ project, profile: 'linux' })).toEqual([
    'PROFILE_DEVICE_ID machines.default.devices[0].id',
  ])
})

test('findings name what was written: the device of the config, of its base, or the flag', async () => {
  const machines: Project['machines'] = {
    base: { devices: [{ kind: 'nvdimm', id: 'a', size: '128M', node: 7 }] },
    big: { extends: 'base', devices: [{ kind: 'nvdimm', id: 'b', size: '128M', node: 8 }] },
  }
  const project = projectOf({}, { machines, defaultMachine: 'big' })
  const overrides: MachineInput = { devices: [{ kind: 'nvdimm', size: '128M', node: 9 }], memory: '4M' }
  const overridesPlace = ([key = '']: readonly PropertyKey[]) =>
    key === 'devices' ? '--nvdimm 128M,node=9' : `--${String(key)}`
  for (const profile of ['linux', 'debian'])
    expect(await findings({ project, profile, overrides, overridesPlace })).toEqual([
      'MEMORY_TOO_SMALL --memory',
      'NVDIMM_NODE_WITHOUT_NUMA machines.base.devices[0].node',
      'NVDIMM_NODE_WITHOUT_NUMA machines.big.devices[0].node',
      'NVDIMM_NODE_WITHOUT_NUMA --nvdimm 128M,node=9',
    ])
})

test('one mistake is one finding', async () => {
  const codes = async (machine: MachineInput) =>
    (await findings({ project: projectOf(machine), profile: 'probe' })).map((line) => line.split(' ')[0])
  expect(await codes({ cpu: { model: 'nonsense' } })).toEqual(['CPU_MODEL_UNKNOWN'])
  expect(await codes({ cpu: { model: 'host' }, accel: 'tcg' })).toEqual(['CPU_HOST_NEEDS_KVM'])
  expect(await codes({ arch: 'aarch64' })).toEqual(['ARCH_UNSUPPORTED'])
  expect(await codes({ qemu: '/nonexistent' })).toEqual(['QEMU_NOT_EXECUTABLE'])
})

test('a plan waits for what is built, and a kernel of the user’s own is not waited for', async () => {
  const kernel = { build: ['make'], image: 'out/kernel.elf' }
  const project = projectOf({}, { kernel })
  const { plan } = await previewGuest({ project })
  expect(plan.diagnostics).toEqual([])
  expect(plan.pending).toMatchObject([{ path: join(folder, 'out/kernel.elf') }])
  writeFileSync(join(folder, 'other'), 'no kernel')
  const overrides = { boot: { kernel: 'other' } }
  expect(await findings({ project, overrides })).toEqual(['BOOT_KERNEL_NOT_A_KERNEL boot.kernel'])
  const { profile } = await chooseRun({ project, overrides })
  expect(profile.build).toBeUndefined()
})

test.each([
  [{ boot: { kernel: 'other' } }, {}],
  [{}, { kernel: { image: 'other' } }],
  [{}, {}],
  [{}, { profile: 'linux' }],
])('what is listed is what is planned: %j in %j', async (machine, more) => {
  const project = projectOf(machine, more)
  const { plan } = await previewGuest({ project })
  const described = await describeRun({ project })
  expect(described.profile.name).toBe(plan.profile)
  expect(resolve(folder, described.machine.boot.kernel ?? '')).toBe(plan.machine.boot.kernel)
  expect(described.machine.memory.size).toBe(plan.machine.memory.size)
})
