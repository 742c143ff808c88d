/** NVDIMMs that are plugged while the machine runs: rules, locks, and what guests make of them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { BringupError } from '../../src/diagnostics.ts'
import type { Guest } from '../../src/guest/guest.ts'
import { problems } from '../../src/machine/hotplug.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { expect, test } from '../support/guests.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-hotplug, '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A guest that stays, with room for two NVDIMMs. */
const waiting: MachineInput = {
  memory: { size: '64M', hotplug: { size: '48M', slots: 2 } },
  boot: { append: 'ready-hang' },
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  )
  return error instanceof BringupError ? error.code : String(error)
}

/** QEMU's own words about the same. */
async function refusal(guest: Guest, device: Record<string, unknown>): Promise<string> {
  await guest.qemu.qmp.execute('object-add', { 'qom-type': 'memory-backend-ram', id: 'own', size: 64 << 20 })
  const said = await guest.qemu.qmp
    .execute('device_add', { memdev: 'own', ...device })
    .catch((e: Error) => e.message)
  await guest.qemu.qmp.execute('object-del', { id: 'own' }).catch(() => {})
  return String(said)
}

describe('a machine that runs', () => {
  test('takes NVDIMMs as long as there is room, and refuses what QEMU would refuse', async ({ launch }) => {
    const guest = await launch(waiting)
    expect(await guest.qemu.plug({ kind: 'nvdimm', size: '16M' })).toBe('nvdimm0')
    expect(await codeOf(guest.qemu.plug({ kind: 'nvdimm', size: '64M' }))).toBe('HOTPLUG_NO_ROOM')
    expect(await refusal(guest, { driver: 'nvdimm' })).toContain('not enough space, currently')
    expect(await codeOf(guest.qemu.plug({ kind: 'nvdimm', size: '16M', node: 1 }))).toBe(
      'NVDIMM_NODE_WITHOUT_NUMA',
    )
    expect(await codeOf(guest.qemu.plug({ kind: 'nvdimm', id: 'nvdimm0', size: '16M' }))).toBe(
      'DEVICE_ID_TWICE',
    )
    expect(await codeOf(guest.qemu.plug({ kind: 'virtio-pmem', size: '16M' }))).toBe('HOTPLUG_UNSUPPORTED')
    expect(await refusal(guest, { driver: 'virtio-pmem-pci' })).toContain('does not support hotplugging')
    expect(await guest.qemu.plug({ kind: 'nvdimm', id: 'last', size: '32M', backing: 'ram' })).toBe('last')
    expect(await codeOf(guest.qemu.plug({ kind: 'nvdimm', size: '16M' }))).toBe('HOTPLUG_NO_ROOM')
    expect(await refusal(guest, { driver: 'nvdimm' })).toContain('no free slots available')
    const devices = await guest.qemu.qmp.execute('query-memory-devices')
    expect(devices.map(({ data }) => [data.id, data.slot, data.size])).toEqual([
      ['nvdimm0', 0, 16 << 20],
      ['last', 1, 32 << 20],
    ])
    expect(problems.HOTPLUG_NO_ROOM.source).toContain('no free slots available')
  })

  test('does not give NVDIMMs back: QEMU has no unplug for them', async ({ launch }) => {
    const guest = await launch(waiting)
    const id = await guest.qemu.plug({ kind: 'nvdimm', size: '16M' })
    const error = await guest.qemu.unplug(id).catch((e: unknown) => e)
    expect(error).toMatchObject({
      code: 'UNPLUG_UNSUPPORTED',
      diagnostics: [{ evidence: ['nvdimm device hot unplug is not supported yet.'] }],
    })
    expect(problems.UNPLUG_UNSUPPORTED.source).toContain('nvdimm device hot unplug is not supported yet.')
    expect(await codeOf(guest.qemu.unplug('none'))).toBe('UNPLUG_UNKNOWN')
  })

  test('has no room unless it was described', async ({ launch }) => {
    const guest = await launch({ boot: { append: 'ready-hang' } })
    expect(await codeOf(guest.qemu.plug({ kind: 'nvdimm', size: '16M' }))).toBe('HOTPLUG_NO_ROOM')
    expect(await refusal(guest, { driver: 'nvdimm' })).toMatch(
      /no slots where allocated|nvdimm is not enabled/,
    )
  })
})

describe('the file of a plugged NVDIMM', () => {
  const file = join(folder, 'plugged, a=b.img')
  const device = { kind: 'nvdimm', size: '16M', file } as const

  test('is locked while QEMU lives, for every other process, and free when it is killed', async ({
    launch,
  }) => {
    const first = await launch(waiting)
    await first.qemu.plug(device)
    expect(await codeOf(launch({ devices: [device] }))).toBe('NVDIMM_FILE_BUSY')
    const other = await launch(waiting)
    expect(await codeOf(other.qemu.plug(device))).toBe('NVDIMM_FILE_BUSY')
    await first.kill()
    expect(await other.qemu.plug(device)).toBe('nvdimm0')
  })

  test('is what the guest of the next run finds', async ({ launch }) => {
    const guest = await launch({ ...waiting, boot: { append: 'ready-hang' } })
    await guest.console.expect('"ready"')
    await guest.qemu.plug({ ...device, file: join(folder, 'seen.img') })
    // After a reset the firmware describes it, slot and all, as if it had always been there.
    await guest.reboot()
    await guest.console.expect('"t":"nvdimm"')
    await guest.console.expect('"state":"new"')
    await guest.close()
    const next = await launch({ devices: [{ ...device, file: join(folder, 'seen.img') }] })
    await expect(next).toSeeDevice('nvdimm', { boots: 2, state: 'kept' })
  })

  test('is free when bringup is killed with SIGKILL', async () => {
    const root = join(import.meta.dirname, '../..')
    const script = join(root, 'test/support/plug-and-wait.ts')
    const path = join(folder, 'orphan.img')
    const child = spawn(process.execPath, [join(root, 'scripts/run-source.mjs'), script, folder, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    const taken = spawn('flock', ['--nonblock', path, 'true'])
    expect(await once(taken, 'close')).toEqual([1, null])
    child.kill('SIGKILL')
    // Waits until the last holder has let go.
    const free = spawn('flock', ['--wait', '30', path, 'true'])
    expect(await once(free, 'close')).toEqual([0, null])
  })
})

test('a Linux guest makes a region of it', async ({ launch }) => {
  const machine: MachineInput = {
    timeout: '19m',
    cpu: 2,
    numa: 2,
    nvdimmPersistence: 'cpu',
    memory: { size: '512M', hotplug: { size: '256M', slots: 2 } },
    devices: [{ kind: 'nvdimm', id: 'first', size: '128M' }],
  }
  const guest = await launch(machine, { profile: 'linux' })
  // The firmware's tables are made at boot: a device plugged before its end would be in them.
  await guest.run(['true'])
  await guest.qemu.plug({ kind: 'nvdimm', id: 'later', size: '128M', node: 1 })
  const isSeen = async () => (await guest.view())?.nvdimms?.some((n) => n.handle === 2 && n.region)
  await expect.poll(isSeen, { timeout: 1_000_000 }).toBe(true)
  const { stdout } = await guest.run(['ndctl', 'list', '-RD'])
  const listed = JSON.parse(stdout) as {
    readonly dimms: readonly object[]
    readonly regions: readonly object[]
  }
  expect(listed.dimms).toHaveLength(2)
  expect(listed.regions).toHaveLength(2)
  const comparison = (await guest.verify()).filter((c) => c.device === 'nvdimm later')
  expect(comparison.filter((c) => !c.ok)).toEqual([])
  const seenBy = (by: string) => comparison.filter((c) => c.by === by).map((c) => [c.aspect, c.got])
  const size = ['size', '128M']
  const [node, domain, armed] = [
    ['node', '1'],
    ['persistence domain', 'cpu'],
    ['armed', 'yes'],
  ]
  const region = [
    ['access', 'read-write'],
    ['namespace', 'has a driver'],
    ['labels', 'no'],
  ]
  expect(seenBy('Linux')).toEqual([size, node, domain, ...region, armed])
  expect(seenBy('ACPI tables')).toEqual([])
  const first = (await guest.verify()).filter((c) => c.device === 'nvdimm first' && c.by === 'ACPI tables')
  expect(first.map((c) => [c.aspect, c.ok])).toContainEqual(['size', true])
})
