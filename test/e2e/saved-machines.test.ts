/** Machines of many kinds that boot Linux: each is saved once, restored as described, and forked. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, vi } from 'vitest'
import { type Guest, saveState } from '../../src/index.ts'
import { virtioPmem } from '../../src/machine/devices/virtio-pmem.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { planGuest } from '../../src/project/planning.ts'
import { loadProject } from '../../src/project/project.ts'
import { savedGuest } from '../../src/project/saved-guest.ts'
import { expect, test } from '../support/guests.ts'
import { iso } from '../support/media.ts'
import { ownStates } from '../support/own-states.ts'

const profile = 'linux'
ownStates()
const folder = mkdtempSync(join(tmpdir(), 'bringup-machines-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeAll(() => writeFileSync(join(folder, 'a.iso'), iso()))

async function said(guest: Guest, command: string): Promise<string> {
  const { stdout, stderr, exitCode } = await guest.run(['sh', '-c', command])
  expect(exitCode, stderr).toBe(0)
  return stdout
}
const differing = async (guest: Guest) => (await guest.verify()).filter(({ ok }) => !ok)
const nodes = {
  nodes: [
    { cpus: 1, memory: '96M' },
    { cpus: 1, memory: '64M' },
    { cpus: 0, memory: '32M' },
  ],
} satisfies MachineInput['numa']

const machines: Readonly<Record<string, MachineInput>> = {
  'two CPUs, two NUMA nodes and one of memory only on pc': { type: 'pc', cpu: { count: 2 }, numa: nodes },
  'UEFI with a graphics card and a CD-ROM drive': {
    boot: { firmware: 'uefi' },
    memory: '256M',
    display: 'std',
    devices: [{ kind: 'cdrom', file: join(folder, 'a.iso'), bus: 'scsi' }],
  },
  'a private NVDIMM larger than its RAM': {
    memory: '128M',
    devices: [{ kind: 'nvdimm', id: 'pm0', size: '192M', share: false }],
  },
  'RAM in a memory file, touched beforehand, and a card without a cable': {
    memory: { size: '128M', backend: 'memfd', prealloc: true },
    display: 'virtio-gpu',
    devices: [{ kind: 'nic', network: 'none' }],
  },
  'RAM in an unnamed file': { memory: { size: '128M', path: folder }, display: 'cirrus' },
}

describe('a machine is saved at its first answer, restored as described, and forked twice', () => {
  test.for(Object.entries(machines))('%s', async ([name, machine], { launch }) => {
    const start = () => launch(machine, { profile, origin: 'state', name: 'machine' })
    const first = await start()
    expect(first.plan.origin).toMatchObject({
      kind: 'boot',
      because: expect.stringMatching(/^no saved state/),
    })
    await first.run(['true'])
    expect((await first.close()).diagnostics).toEqual([])
    const guest = await start()
    expect(guest.plan.origin?.kind, name).toBe('state')
    expect(await differing(guest)).toEqual([])
    const store = (await said(guest, 'ls /dev/pmem0 2>/dev/null; true')).trim()
    const dd = (from: string, to: string) => `dd if=${from} of=${to} bs=1M count=8 conv=fsync`
    const fill = [
      dd('/dev/urandom', '/tmp/filled'),
      ...(store === '' ? [] : [dd('/tmp/filled', store)]),
    ].join('&&')
    const digest = (of: Guest) =>
      said(of, `md5sum /tmp/filled${store === '' ? '' : `; dd if=${store} bs=1M count=8 | md5sum`}`)
    await said(guest, fill)
    const wanted = await digest(guest)
    await using ready = await saveState(guest)
    await using one = await ready.fork()
    await using two = await ready.fork()
    await said(one, fill)
    const changed = await digest(one)
    expect(changed).not.toBe(wanted)
    await using again = await saveState(one)
    await using below = await again.fork()
    expect([await digest(two), await digest(below)]).toEqual([wanted, changed])
    expect([await differing(two), await differing(below)]).toEqual([[], []])
    await below.reboot()
    expect(await differing(below)).toEqual([])
  })
})

describe('what QEMU or a fork cannot keep is refused beforehand', () => {
  const refused: readonly (readonly [string, MachineInput, RegExp])[] = [
    [
      'virtio-pmem',
      { devices: [{ kind: 'virtio-pmem', size: '16M' }] },
      /^virtio-pmem .*: QEMU saves no state/,
    ],
    ['CXL', { devices: [{ kind: 'cxl', size: '256M' }] }, /^cxl .*: QEMU saves no state of CXL/],
    ['NVMe', { devices: [{ kind: 'disk', size: '8M', bus: 'nvme' }] }, /^disk .*: QEMU cannot save an NVMe/],
    [
      'ivshmem',
      { devices: [{ kind: 'ivshmem', size: '64K' }] },
      /^ivshmem .*: its content is outside of the guest/,
    ],
    [
      'shared RAM',
      { memory: { size: '128M', share: true } },
      /^memory: other processes may write to shared RAM/,
    ],
    ['huge pages', { memory: { size: '128M', hugePages: '2M' } }, /^memory: .* as many free huge pages/],
  ]
  test.for(refused)('%s', async ([, machine, reason]) => {
    const project = await loadProject({ cwd: folder, state: join(folder, 'state') })
    const machines = { ...project.machines, refused: { memory: '128M', ...machine } }
    const planned = await planGuest({ project: { ...project, machines }, machine: 'refused', profile })
    const { origin } = savedGuest(planned).plan
    expect(origin).toMatchObject({ kind: 'boot', because: expect.stringMatching(reason) })
    expect(origin?.saves).toBeUndefined()
  })

  test('QEMU describes no state of virtio-pmem and CXL', () => {
    const file = join(folder, 'vmstate.json')
    execFileSync('qemu-system-x86_64', ['-machine', 'none', '-display', 'none', '-dump-vmstate', file], {
      stdio: 'ignore',
    })
    const known = JSON.parse(readFileSync(file, 'utf8'))
    for (const kept of ['virtio-blk-device', 'VGA', 'cfi.pflash01', 'isa-fdc', 'pcie-root-port'])
      expect(known, kept).toHaveProperty([kept, 'Description'])
    for (const lost of ['virtio-pmem', 'virtio-pmem-pci', 'cxl-type3', 'pxb-cxl'])
      expect(known, lost).not.toHaveProperty([lost])
  })

  test('QEMU restores virtio-pmem without its PCI configuration', async ({ launch, onTestFinished }) => {
    const spy = vi.spyOn(virtioPmem, 'savedState').mockReturnValue(true)
    onTestFinished(() => spy.mockRestore())
    const devices = [{ kind: 'virtio-pmem', size: '16M' }] as const
    const guest = await launch({ memory: '128M', devices }, { profile })
    const command = (of: Guest) =>
      said(of, 'dd if=/sys/bus/pci/devices/0000:00:02.0/config bs=6 count=1 | od -An -tx2')
    expect(await command(guest)).toMatch(/^ 1af4 105b 0107/)
    await using ready = await saveState(guest)
    await using fork = await ready.fork()
    expect(await command(fork)).toMatch(/^ 1af4 105b 0000/)
  })

  test('QEMU refuses to migrate an NVMe disk', async ({ launch }) => {
    const devices = [{ kind: 'disk', size: '8M', bus: 'nvme' }] as const
    const guest = await launch({ memory: '64M', devices, boot: { append: 'report=no hang' } })
    await expect(guest.qemu.qmp.execute('migrate', { uri: 'exec:true' })).rejects.toThrow(
      /State blocked by non-migratable device .*nvme/,
    )
  })
})
