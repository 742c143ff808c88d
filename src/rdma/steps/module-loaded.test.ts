import { expect, test } from 'vitest'
import { fakeRoot } from '../../../test/support/fake-root.ts'
import { moduleLoaded } from './module-loaded.ts'

const wanted = { module: 'rdma_rxe', isOptional: false }

test('a module is loaded, and unloaded again unless it is in use', async () => {
  using without = fakeRoot({ 'proc/modules': '' }, { modprobe: '' })
  expect(await moduleLoaded.check(wanted, without.host)).toMatchObject({
    commands: [{ argv: ['modprobe', 'rdma_rxe'] }],
  })
  using loaded = fakeRoot({ 'proc/modules': 'rdma_rxe 1 0 - Live 0x0\n', 'sys/module/rdma_rxe/refcnt': '0' })
  expect(await moduleLoaded.check(wanted, loaded.host)).toMatchObject({ state: 'done' })
  expect(await moduleLoaded.undo(wanted, null, loaded.host)).toMatchObject({
    commands: [{ argv: ['rmmod', 'rdma_rxe'] }],
  })
  using used = fakeRoot({ 'proc/modules': 'rdma_rxe 1 1 - Live 0x0\n' })
  expect(await moduleLoaded.undo(wanted, null, used.host)).toMatchObject({ state: 'done' })
})

test('a kernel without modules is refused, unless it does without this one', async () => {
  using bare = fakeRoot({})
  expect(await moduleLoaded.check(wanted, bare.host)).toMatchObject({
    state: 'blocked',
    diagnostics: [{ code: 'RDMA_MODULES_UNSUPPORTED' }],
  })
  expect(await moduleLoaded.check({ ...wanted, isOptional: true }, bare.host)).toMatchObject({
    state: 'done',
  })
})
