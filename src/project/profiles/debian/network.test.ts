import { expect, test } from 'vitest'
import type { GuestPlan } from '../../../plan/plan.ts'
import { settleNetwork } from './network.ts'

const join = { id: 'n', kind: 'network', resource: 'lan', device: 'lan', mac: '52:54:00:00:00:01' } as const
const answer = (exitCode: number, stderr = '') => ({ exitCode, stdout: '', stderr, ok: exitCode === 0 })

test('a card without a lease to wait for is not waited for', () => {
  expect(settleNetwork({})).toBeUndefined()
  expect(settleNetwork({ joins: [join] as GuestPlan['joins'] })).toBeUndefined()
})

test('cards with an address of the rack are waited for by their MAC; one that gets none is named', async () => {
  const joins = [{ ...join, address: '10.1.0.10' }] as GuestPlan['joins']
  const settle = settleNetwork({ joins })
  const asked: (readonly string[])[] = []
  const found = await settle?.(async (argv) => {
    asked.push(argv)
    return answer(0) as never
  })
  expect([found, asked[0]?.slice(3)]).toEqual([[], ['sh', join.mac]])
  expect(await settle?.(async () => answer(1, 'Timeout occurred') as never)).toMatchObject([
    {
      code: 'NIC_NO_ADDRESS',
      what: `lan (${join.mac}) got no address by DHCP`,
      evidence: ['Timeout occurred'],
    },
  ])
})
