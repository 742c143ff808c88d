import { expect, test } from 'vitest'
import { fakeRoot } from '../../../test/support/fake-root.ts'
import { dummyInterface } from './dummy-interface.ts'

const params = { name: 'bringup-rdma' }
const flags = (value: string) => fakeRoot({ 'sys/class/net/bringup-rdma/flags': `${value}\n` })

test('an interface is made and set up, and removed again', async () => {
  using none = fakeRoot({})
  expect(await dummyInterface.check(params, none.host)).toMatchObject({
    detail: 'does not exist',
    before: { wasThere: false },
    commands: [
      { argv: ['ip', 'link', 'add', 'bringup-rdma', 'type', 'dummy'] },
      { argv: ['ip', 'link', 'set', 'dev', 'bringup-rdma', 'up'] },
    ],
  })
  using up = flags('0xc3')
  expect(await dummyInterface.check(params, up.host)).toMatchObject({ state: 'done' })
  expect(await dummyInterface.undo(params, { wasThere: false }, up.host)).toMatchObject({
    commands: [{ argv: ['ip', 'link', 'delete', 'bringup-rdma'] }],
  })
})

test('one that existed before is set down again, and stays', async () => {
  using down = flags('0x82')
  expect(await dummyInterface.check(params, down.host)).toMatchObject({ before: { wasThere: true } })
  expect(await dummyInterface.undo(params, { wasThere: true }, down.host)).toMatchObject({ state: 'done' })
  using up = flags('0x83')
  expect(await dummyInterface.undo(params, { wasThere: true }, up.host)).toMatchObject({
    commands: [{ argv: ['ip', 'link', 'set', 'dev', 'bringup-rdma', 'down'] }],
  })
})
