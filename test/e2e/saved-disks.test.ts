/** Guests with disks that are saved and forked: each has what was written before, and none writes for another. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { type Guest, saveState } from '../../src/index.ts'
import type { Argument } from '../../src/machine/device.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { drivesOf } from '../../src/states/disk-chain.ts'
import { diskObstacle } from '../../src/states/disks.ts'
import { expect, test } from '../support/guests.ts'
import { ownStates } from '../support/own-states.ts'

const profile = 'linux'
const own = ownStates()
const folder = mkdtempSync(join(tmpdir(), 'bringup disks, '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const image = (name: string, content: string) => {
  const path = join(folder, name)
  writeFileSync(path, Buffer.alloc(8 * 1024 ** 2))
  writeFileSync(path, `${content}\n`, { flag: 'r+' })
  return path
}
const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
const said = async (guest: Guest, command: string) => (await guest.run(['sh', '-c', command])).stdout
const write = (guest: Guest, disk: string, text: string) =>
  said(guest, `echo '${text}' | dd of=/dev/${disk} bs=512 count=1 conv=sync,fsync 2>&1`)
const heads = (guest: Guest, ...disks: readonly string[]) =>
  said(guest, disks.map((disk) => `head -n 1 /dev/${disk}`).join('; '))

const raw = image('raw.img', 'raw')
const kept = image('kept.img', 'kept')
const fixed = image('fixed.img', 'fixed')
const layered = join(folder, 'layered.qcow2')
execFileSync('qemu-img', [
  'create',
  '-q',
  '-f',
  'qcow2',
  '-F',
  'raw',
  '-b',
  image('base.img', 'base'),
  layered,
])

const machine: MachineInput = {
  memory: '128M',
  timeout: '20m',
  devices: [
    { kind: 'disk', id: 'raw', file: raw },
    { kind: 'disk', id: 'fixed', file: fixed, readonly: true },
    { kind: 'disk', id: 'layered', file: layered },
    { kind: 'disk', id: 'kept', file: kept, persist: true, bus: 'ide' },
  ],
}
const disks = ['vda', 'vdb', 'vdc', 'sda']

describe('saveState', () => {
  test('forks have the disks as they were when the guest was saved, each for itself', async ({ launch }) => {
    const guest = await launch(machine, { profile, origin: 'state' })
    expect(guest.plan.origin?.because).toContain('kept.img keeps what the guest writes')
    expect(await heads(guest, ...disks)).toBe('raw\nfixed\nbase\nkept\n')
    await write(guest, 'vda', 'raw before')
    await write(guest, 'sda', 'kept before')
    const before = [raw, fixed, layered].map(digest)
    await using ready = await saveState(guest)
    await write(guest, 'vda', 'raw after')
    await write(guest, 'sda', 'kept after')
    await write(guest, 'vdc', 'layered after')
    const forks = [await ready.fork(), await ready.fork()] as const
    for (const [i, fork] of forks.entries()) {
      expect(await heads(fork, ...disks)).toBe('raw before\nfixed\nbase\nkept before\n')
      expect((await fork.verify()).filter(({ ok }) => !ok)).toEqual([])
      for (const disk of ['vda', 'vdc', 'sda']) await write(fork, disk, `fork ${i}`)
    }
    for (const [i, fork] of forks.entries())
      expect(await heads(fork, ...disks)).toBe(`fork ${i}\nfixed\nfork ${i}\nfork ${i}\n`)
    expect(await heads(guest, ...disks)).toBe('raw after\nfixed\nlayered after\nkept after\n')

    // A fork of a fork, after the first state was deleted.
    await using again = await saveState(forks[0])
    await ready[Symbol.asyncDispose]()
    for (const fork of forks) await fork.close()
    await using below = await again.fork()
    expect(await heads(below, ...disks)).toBe('fork 0\nfixed\nfork 0\nfork 0\n')
    await below.reboot()
    expect(await heads(below, ...disks)).toBe('fork 0\nfixed\nfork 0\nfork 0\n')
    await guest.close()
    expect([raw, fixed, layered].map(digest)).toEqual(before)
    expect(readFileSync(kept).subarray(0, 10).toString()).toBe('kept after')

    writeFileSync(raw, 'raw', { flag: 'r+' })
    await expect(again.fork()).rejects.toMatchObject({
      code: 'STATE_NOT_LOADED',
      diagnostics: [{ evidence: [expect.stringMatching(/raw\.img was changed after the guest was saved/)] }],
    })
  })

  test('refuses an NVMe disk, with the reason', async ({ launch }) => {
    const wanted: MachineInput = { ...machine, devices: [{ kind: 'disk', file: raw, bus: 'nvme' }] }
    const guest = await launch(wanted, { profile, origin: 'state' })
    await expect(saveState(guest)).rejects.toThrow(/QEMU cannot save an NVMe disk/)
  })
})

test('what may change unnoticed is refused, with the reason', () => {
  const drive = (rest: string): Argument => ['-drive', `if=none,id=d,${rest}`]
  const device = drive('format=raw,file.driver=host_device,file.filename=/dev/vda,readonly=on')
  const written = drive(`format=qcow2,file.driver=file,file.filename=${layered.replaceAll(',', ',,')}`)
  expect(diskObstacle(drivesOf([device]))).toBe(
    '/dev/vda is a block device, whose content may change unnoticed',
  )
  expect(diskObstacle(drivesOf([written]))).toBe(`${layered} is written to and has a backing file`)
  expect(diskObstacle(drivesOf([drive(`${written[1]?.slice(15)},snapshot=on`)]))).toBeUndefined()
})

test('a guest that writes to an image with a backing file is not saved', async ({ launch }) => {
  const devices = [{ kind: 'disk', id: 'layered', file: layered, persist: true }] as const
  const guest = await launch({ ...machine, devices }, { profile, origin: 'state', name: 'written' })
  expect(guest.plan.origin?.because).toContain('layered.qcow2 keeps what the guest writes')
  await expect(saveState(guest)).rejects.toMatchObject({
    code: 'GUEST_NOT_SAVED',
    diagnostics: [{ what: expect.stringMatching(/layered\.qcow2 is written to and has a backing file/) }],
  })
})

test('a machine with disks boots once, and again after an image was changed', async ({ launch }) => {
  own.clear()
  const disks: MachineInput = {
    ...machine,
    devices: [
      { kind: 'disk', file: raw },
      { kind: 'disk', file: layered, bus: 'scsi' },
      { kind: 'cdrom', file: fixed },
    ],
  }
  const start = () => launch(disks, { profile, origin: 'state', name: 'disks' })
  const first = await start()
  expect(await heads(first, 'vda', 'sda', 'sr0')).toBe('raw\nbase\nfixed\n')
  await write(first, 'vda', 'discarded')
  await first.close()
  const second = await start()
  expect(second.plan.origin?.kind).toBe('state')
  expect(await heads(second, 'vda', 'sda', 'sr0')).toBe('raw\nbase\nfixed\n')
  expect((await second.verify()).filter(({ ok }) => !ok)).toEqual([])
  await second.close()
  writeFileSync(raw, 'new', { flag: 'r+' })
  const third = await start()
  expect(third.plan.origin).toMatchObject({ kind: 'boot' })
  expect(third.plan.origin?.because).toMatch(/the image .*raw\.img was changed after the guest was saved/)
  expect(await heads(third, 'vda')).toBe('new\n')
})
