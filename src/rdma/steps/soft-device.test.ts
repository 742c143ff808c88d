import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { fakeRoot, softRoce } from '../../../test/support/fake-root.ts'
import { softDevice } from './soft-device.ts'

const programs = mkdtempSync(join(tmpdir(), 'programs '))
beforeAll(() => {
  writeFileSync(join(programs, 'rdma'), '#!/bin/sh\n')
  chmodSync(join(programs, 'rdma'), 0o755)
  vi.stubEnv('PATH', programs)
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(programs, { recursive: true })
})

const params = { device: 'rxe0', interface: 'bringup-rdma' }

test('a device is made where none has its name, and is taken back', async () => {
  using before = fakeRoot({})
  expect(await softDevice.check(params, before.host)).toMatchObject({
    state: 'change',
    commands: [{ argv: ['rdma', 'link', 'add', 'rxe0', 'type', 'rxe', 'netdev', 'bringup-rdma'] }],
  })
  expect(await softDevice.undo(params, null, before.host)).toMatchObject({ state: 'done' })
  using after = fakeRoot(softRoce('rxe0', 'bringup-rdma'))
  expect(await softDevice.check(params, after.host)).toMatchObject({ state: 'done' })
  expect(await softDevice.undo(params, null, after.host)).toMatchObject({
    state: 'change',
    commands: [{ argv: ['rdma', 'link', 'delete', 'rxe0'] }],
  })
})

test('a device of the user on another interface is neither changed nor removed', async () => {
  using other = fakeRoot(softRoce('rxe0', 'eth1'))
  expect(await softDevice.check(params, other.host)).toMatchObject({
    state: 'blocked',
    diagnostics: [{ code: 'RDMA_DEVICE_TAKEN', what: expect.stringContaining('on eth1') }],
  })
  expect(await softDevice.undo(params, null, other.host)).toMatchObject({ state: 'done' })
  using hardware = fakeRoot({ 'sys/class/infiniband/rxe0/ports/1/state': '4: ACTIVE\n' })
  expect(await softDevice.check(params, hardware.host)).toMatchObject({ state: 'blocked' })
  expect(await softDevice.undo(params, null, hardware.host)).toMatchObject({ state: 'done' })
})
