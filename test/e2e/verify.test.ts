/** What `--verify` compares: with what the guest's kernel made of the hardware, and apart from that with the tables. */
import { describe } from 'vitest'
import type { MachineInput } from '../../src/machine/machine.ts'
import { expect, test } from '../../src/testing/index.ts'

/** Under load a guest may take minutes; what it does is the test, not how fast. */
const PATIENT = { timeout: 1_200_000 }
const linux = { profile: 'linux', verify: true, overrides: { timeout: '19m' } } as const

/** All kinds of hardware that a Linux guest reports by its drivers. */
const WHOLE: MachineInput = {
  cpu: {
    count: 4,
    max: 5,
    sockets: 5,
    features: ['-avx2', 'vendor=GenuineIntel', 'tsc-frequency=1000000000'],
  },
  memory: { size: '640M' },
  numa: {
    nodes: [
      { cpus: '0-1,4', memory: '256M' },
      { cpus: '2-3', memory: '256M' },
      { cpus: 0, memory: '128M', initiator: 1 },
    ],
    distances: 21,
    hmat: [
      { initiator: 0, target: 0, latency: '80ns', bandwidth: '10G' },
      { initiator: 0, target: 1, latency: '160ns', bandwidth: '5G' },
      { initiator: 1, target: 1, latency: '80ns', bandwidth: '10G' },
      { initiator: 1, target: 0, latency: '160ns', bandwidth: '5G' },
    ],
    caches: [{ node: 0, size: '64M' }],
  },
  devices: [
    { kind: 'nvdimm', id: 'pm0', size: '128M', node: 1 },
    { kind: 'disk', id: 'd0', size: '16M' },
    { kind: 'disk', id: 'n0', bus: 'nvme', size: '8M' },
    { kind: 'nic', id: 'net0' },
    { kind: 'watchdog', id: 'wd0' },
  ],
  qemuArgs: ['-device', 'virtio-rng-pci'],
}

/** Two nodes; what a word on the kernel's command line takes away must be missed. */
const TWO: MachineInput = {
  cpu: 2,
  memory: { size: '512M' },
  numa: 2,
  devices: [{ kind: 'nvdimm', id: 'pm0', size: '128M', node: 1 }],
}

describe('a Linux guest', PATIENT, () => {
  test('has the drivers of what the kernels for clouds do not know', async ({ launch }) => {
    const disk = { kind: 'disk', id: 'sata', bus: 'ide', size: '16M' } as const
    const guest = await launch({ memory: '512M', devices: [disk] }, linux)
    const { comparison = [] } = await guest.endWith(0)
    expect(comparison.filter((c) => !c.ok)).toEqual([])
    expect(comparison.filter((c) => c.device === 'disk sata').map((c) => c.aspect)).toEqual([
      'PCI function',
      'serial',
      'size',
      'access',
    ])
  })

  test('is compared by what Linux made of the hardware, and its tables as rows of their own', async ({
    launch,
  }) => {
    const guest = await launch(WHOLE, linux)
    const result = await guest.endWith(0)
    const { comparison = [], notCompared = [] } = result
    expect(comparison.filter((c) => !c.ok)).toEqual([])
    expect(result).toMatchObject({ verdict: 'passed', exitCode: 0 })
    const by = (witness: string) =>
      comparison.filter((c) => c.by === witness).map((c) => `${c.device} ${c.aspect}`)
    expect([...new Set(comparison.map((c) => c.by))]).toEqual(['Linux', 'ACPI tables'])
    expect(by('Linux')).toEqual(
      expect.arrayContaining([
        'cpu online',
        'cpu hot-pluggable',
        'cpu vendor',
        'cpu feature avx2',
        'numa nodes',
        'node 1 cpus',
        'node 1 memory',
        'numa distances',
        'numa HMAT memory access-latency 0 → 0',
        'node 0 memory-side cache 1',
        'node 2 initiator',
        'nvdimm pm0 size',
        'nvdimm pm0 node',
        'nvdimm pm0 namespace',
        'disk d0 size',
        'disk n0 size',
        'nic net0 MAC',
        'virtio-console shell port',
      ]),
    )
    expect(by('ACPI tables')).toEqual(
      expect.arrayContaining(['node 1 memory', 'numa HMAT memory access-latency 0 → 1', 'nvdimm pm0 size']),
    )
    // Linux reports only the initiators that are closest.
    expect(by('Linux')).not.toContain('numa HMAT memory access-latency 0 → 1')
    expect(notCompared.map((n) => `${n.device} ${n.aspect}`)).toEqual(
      expect.arrayContaining([
        '--qemu-arg -device virtio-rng-pci',
        'watchdog wd0 action reset',
        'cpu tsc-frequency=1000000000',
        'disk d0 content',
      ]),
    )
  })

  const takers: readonly (readonly [words: string, wrong: readonly string[]])[] = [
    ['numa=off', ['numa nodes', 'node 1 cpus', 'node 1 memory']],
    ['maxcpus=1', ['cpu online', 'node 1 cpus']],
    ['nosmp', ['cpu online']],
    ['mem=384M', ['node 1 memory']],
    ['acpi=off', ['numa nodes', 'node 1 memory', 'nvdimm pm0 size']],
    ['module_blacklist=nfit', ['nvdimm pm0 size']],
    ['module_blacklist=nd_pmem', ['nvdimm pm0 namespace']],
  ]
  for (const [words, wrong] of takers) {
    test(`fails verification with ${words}`, async ({ launch }) => {
      const guest = await launch({ ...TWO, boot: { append: words } }, linux)
      expect((await guest.run(['true'])).exitCode).toBe(0)
      const result = await guest.endWith(0)
      const found = (result.comparison ?? []).filter((c) => !c.ok && c.by === 'Linux')
      expect(found.map((c) => `${c.device} ${c.aspect}`)).toEqual(expect.arrayContaining([...wrong]))
      expect(result).toMatchObject({
        verdict: 'failed',
        exitCode: 1,
        // Without ACPI the kernel reports warnings too.
        diagnostics: expect.arrayContaining([expect.objectContaining({ code: 'GUEST_DIFFERS' })]),
      })
    })
  }

  test('that powers off in its command was verified before', async ({ launch }) => {
    const guest = await launch(TWO, linux)
    await guest.run(['poweroff', '-f']).catch(() => {})
    expect(await guest.done).toMatchObject({ verdict: 'passed', comparison: expect.anything() })
  })
})

describe('verification that did not take place', PATIENT, () => {
  test('fails a guest of the probe kernel without a report', async ({ launch }) => {
    const guest = await launch({ boot: { append: 'report=no' } }, { verify: true })
    expect(await guest.done).toMatchObject({
      verdict: 'failed',
      exitCode: 1,
      guestCode: 16,
      diagnostics: [{ code: 'GUEST_NOT_COMPARED' }],
    })
    await expect(guest.verify()).rejects.toMatchObject({ code: 'GUEST_NOT_COMPARED' })
  })

  test('fails a profile that has no view of its guest', async ({ launch }) => {
    const { kernel = '' } = (await launch({ boot: { append: 'report=no' } })).plan.machine.boot
    const guest = await launch(
      { boot: { kernel, append: 'report=no exit=0' } },
      { profile: 'bare', verify: true },
    )
    expect(await guest.done).toMatchObject({
      verdict: 'failed',
      diagnostics: [{ code: 'GUEST_NOT_COMPARED' }],
    })
  })
})
