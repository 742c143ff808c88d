/** virtio-pmem and CXL memory in real guests: the probe kernel sees them, Linux uses them, and the content stays. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import type { Guest } from '../../src/guest/guest.ts'
import type { LaunchRequest } from '../../src/launch.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { expect, test } from '../support/guests.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-pmem-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const profile = 'linux'

async function output(guest: Guest, ...argv: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await guest.run(argv, { timeoutMs: 1_000_000 })
  expect({ argv, exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ argv, exitCode: 0, stderr: '' })
  return stdout
}

/** A project whose Linux guests have these programs. */
function projectWith(...programs: readonly string[]): LaunchRequest {
  const place = mkdtempSync(join(folder, 'project-'))
  writeFileSync(
    join(place, 'bringup.config.ts'),
    `import { defineConfig, linuxProfile } from 'bringup'
     export default defineConfig({ profiles: [linuxProfile({ name: 'tools', programs: ${JSON.stringify(programs)} })] })`,
  )
  return { folder: place, profile: 'tools' }
}

describe('the probe kernel sees', () => {
  const machines: Readonly<Record<string, MachineInput>> = {
    'memory over virtio': { devices: [{ kind: 'virtio-pmem', size: '64M' }] },
    'two of them beside an NVDIMM and a NIC': {
      memory: '128M',
      devices: [
        { kind: 'virtio-pmem', size: '32M', backing: 'ram' },
        { kind: 'nvdimm', size: '16M' },
        { kind: 'nic' },
        { kind: 'virtio-pmem', size: '2M' },
      ],
    },
    'memory over virtio on the other machine type': {
      type: 'pc',
      devices: [{ kind: 'virtio-pmem', size: '4M' }],
    },
    'CXL memory': { devices: [{ kind: 'cxl', size: '256M' }] },
    'CXL memory on three ports of two bridges, among other devices': {
      devices: [
        { kind: 'cxl', size: '256M', backing: 'ram', bridge: 'left' },
        { kind: 'nic' },
        { kind: 'cxl', size: '512M', backing: 'ram', window: '1G' },
        { kind: 'virtio-console' },
        { kind: 'cxl', size: '256M', backing: 'ram', bridge: 'left' },
      ],
    },
  }
  for (const [name, machine] of Object.entries(machines)) {
    for (const rom of ['qboot', 'seabios'] as const) {
      test(`${name}, by ${rom}`, async ({ launch }) => {
        const guest = await launch({ ...machine, boot: { rom } })
        await expect(guest).toEnd('passed')
        await expect(guest).toSeeItsMachine()
        const sizes = (await guest.verify()).filter((c) => c.aspect === 'size' && /cxl|virtio/.test(c.device))
        expect(sizes.length).toBe(machine.devices?.filter((d) => /cxl|virtio-pmem/.test(d.kind)).length)
      })
    }
  }
})

describe('a Linux guest', () => {
  test('has /dev/pmem0 over virtio, and keeps what it flushed when QEMU is killed', async ({ launch }) => {
    const machine: MachineInput = { devices: [{ kind: 'virtio-pmem', id: 'vp', size: '64M' }] }
    const first = await launch(machine, { profile })
    expect((await first.verify()).filter((c) => c.device === 'virtio-pmem vp')).toMatchObject([
      { aspect: 'PCI function', want: '1af4:105b', got: '1af4:105b', by: 'Linux', ok: true },
      { aspect: 'size', want: '64M', got: '64M', by: 'Linux', ok: true },
    ])
    expect(await output(first, 'cat', '/sys/block/pmem0/size')).toBe(`${(64 << 20) / 512}\n`)
    await output(first, 'sh', '-c', 'echo flushed | dd of=/dev/pmem0 bs=4096 count=1 conv=sync,fsync')
    await first.kill()
    const second = await launch(machine, { profile })
    expect(await output(second, 'head', '-n', '1', '/dev/pmem0')).toBe('flushed\n')
  })

  test('can flush what is in RAM too: an fsync in the guest does not fail', async ({ launch }) => {
    const guest = await launch(
      { devices: [{ kind: 'virtio-pmem', size: '16M', backing: 'ram' }] },
      { profile },
    )
    await output(guest, 'dd', 'if=/dev/zero', 'of=/dev/pmem0', 'bs=4096', 'count=1', 'conv=fsync')
  })

  test('sees CXL memory behind two bridges as it is described', async ({ launch }) => {
    const devices: MachineInput['devices'] = [
      { kind: 'cxl', id: 'near', size: '256M' },
      { kind: 'cxl', id: 'far', size: '512M', backing: 'ram' },
    ]
    const guest = await launch({ devices }, { profile })
    const comparison = (await guest.verify()).filter((c) => c.device.startsWith('cxl '))
    expect(comparison.filter((c) => !c.ok)).toEqual([])
    for (const id of ['near', 'far'])
      for (const aspect of ['PCI function', 'size', 'type', 'window'])
        expect(comparison).toContainEqual(expect.objectContaining({ device: `cxl ${id}`, aspect }))
  })

  test('makes a region of CXL memory and a namespace in it, and finds its data again', async ({ launch }) => {
    const machine: MachineInput = { timeout: '19m', devices: [{ kind: 'cxl', id: 'near', size: '256M' }] }
    const project = projectWith('cxl', 'ndctl')
    const first = await launch(machine, project)
    expect(JSON.parse(await output(first, 'cxl', 'list', '-M'))).toMatchObject([{ pmem_size: 256 << 20 }])
    const region = ['cxl', 'create-region', '-m', '-d', 'decoder0.0', '-w', '1', 'mem0']
    await output(first, ...region)
    await output(first, 'ndctl', 'disable-region', 'all')
    await output(first, 'ndctl', 'init-labels', '-f', 'all')
    await output(first, 'ndctl', 'enable-region', 'all')
    await output(first, 'ndctl', 'create-namespace', '-m', 'raw')
    await output(first, 'sh', '-c', 'echo kept | dd of=/dev/pmem0 bs=4096 count=1 conv=sync,fsync')
    await first.close()
    const second = await launch(machine, project)
    await output(second, ...region)
    expect(await output(second, 'head', '-c', '5', '/dev/pmem0')).toBe('kept\n')
  })
})

describe('MAP_SYNC', () => {
  test('is refused to a file on virtio-pmem, and granted to one on an NVDIMM', async ({ launch }) => {
    const program = join(folder, 'map-sync')
    execFileSync('cc', ['-static', '-o', program, join(import.meta.dirname, 'map-sync.c')])
    const devices: MachineInput['devices'] = [
      { kind: 'nvdimm', size: '128M' },
      { kind: 'virtio-pmem', size: '128M' },
    ]
    const guest = await launch({ timeout: '19m', devices }, projectWith('mkfs.ext4', 'ndctl', program))
    const { nvdimms = [], virtioPmems = [] } = (await guest.view()) ?? {}
    const answers: Record<string, string> = {}
    for (const [kind, region] of [
      ['nvdimm', nvdimms[0]?.region],
      ['virtio-pmem', virtioPmems[0]?.region],
    ] as const) {
      const namespace = region?.namespaces[0]?.name ?? 'none'
      await output(guest, 'ndctl', 'create-namespace', '-f', '-e', namespace, '-m', 'fsdax')
      const disk = `/dev/pmem${namespace.slice('namespace'.length).split('.')[0]}`
      await output(guest, 'mkfs.ext4', '-q', '-b', '4096', disk)
      await output(guest, 'mkdir', `/mnt/${kind}`)
      await output(guest, 'mount', '-o', 'dax', disk, `/mnt/${kind}`)
      answers[kind] = (await output(guest, program, `/mnt/${kind}/file`)).trim()
    }
    expect(answers).toEqual({ nvdimm: 'granted', 'virtio-pmem': 'Operation not supported' })
  })
})
