import { release } from 'node:os'
import { expect, test } from 'vitest'
import { fakeRoot } from '../../../test/support/fake-root.ts'
import { planOperation } from '../../steps/plan-operation.ts'
import { moduleUnloaded } from './module-unloaded.ts'

const LOADED = `rdma_ucm 1 0 - Live 0x0
rdma_cm 1 1 rdma_ucm, Live 0x0
ib_cm 1 1 rdma_cm, Live 0x0
`
const check = async (module: string, files: Readonly<Record<string, string>>) => {
  using fake = fakeRoot(files)
  return moduleUnloaded.check({ module }, fake.host)
}

test('a module goes after those that use it, and they come back in the other order', async () => {
  expect(await check('ib_cm', { 'proc/modules': LOADED })).toMatchObject({
    state: 'change',
    before: { modules: ['rdma_ucm', 'rdma_cm', 'ib_cm'] },
    commands: [{ argv: ['rmmod', 'rdma_ucm', 'rdma_cm', 'ib_cm'] }],
  })
  using without = fakeRoot({ 'proc/modules': '' })
  const back = await moduleUnloaded.undo({ module: 'ib_cm' }, { modules: ['rdma_cm', 'ib_cm'] }, without.host)
  expect(back).toMatchObject({
    commands: [{ argv: ['modprobe', 'ib_cm'] }, { argv: ['modprobe', 'rdma_cm'] }],
  })
})

test('programs are named where they are known; otherwise the remedy is another one', async () => {
  const used = { 'proc/modules': LOADED.replace('rdma_ucm 1 0', 'rdma_ucm 1 1') }
  const open = { 'proc/9/fd/3': '-> /dev/infiniband/rdma_cm', 'proc/9/comm': 'rping\n' }
  expect(await check('rdma_cm', { ...used, ...open })).toMatchObject({
    state: 'blocked',
    diagnostics: [
      {
        code: 'RDMA_MODULE_IN_USE',
        evidence: ['process 9 (rping)'],
        remedy: expect.stringContaining('listed below'),
      },
    ],
  })
  expect(await check('rdma_cm', used)).toMatchObject({
    diagnostics: [{ remedy: expect.stringContaining('umount') }],
  })
})

test('a module that blocks two steps is reported once, and bringup is no holder of it', async () => {
  using fake = fakeRoot({
    'proc/modules': LOADED.replace('rdma_ucm 1 0', 'rdma_ucm 1 2'),
    'proc/9/fd/3': '-> /dev/infiniband/rdma_cm',
    'proc/9/comm': 'sh\n',
    [`proc/${process.pid}/fd/3`]: '-> /dev/infiniband/rdma_cm',
    [`proc/${process.pid}/comm`]: 'bringup\n',
  })
  const steps = ['rdma_cm', 'ib_cm'].map((module) => moduleUnloaded.step({ module }))
  const plan = await planOperation(steps, async () => moduleUnloaded, fake.host)
  expect(plan.steps.map(({ state }) => state)).toEqual(['blocked', 'blocked'])
  expect(plan.blockers).toMatchObject([{ code: 'RDMA_MODULE_IN_USE', evidence: ['process 9 (sh)'] }])
})

test('what is part of the kernel cannot be unloaded', async () => {
  const builtIn = {
    [`lib/modules/${release()}/modules.builtin`]: 'kernel/drivers/infiniband/core/rdma_cm.ko\n',
  }
  expect(await check('rdma_cm', builtIn)).toMatchObject({
    state: 'blocked',
    diagnostics: [{ code: 'RDMA_MANAGER_BUILT_IN' }],
  })
  expect(await check('rdma_cm', {})).toMatchObject({ state: 'done' })
})
