import { expect, it } from 'vitest'
import type { GuestPlan } from '../plan/plan.ts'
import { STAYS_MS } from './detach-options.ts'
import { forkEndsOf, withForkEnds } from './fork-ends.ts'

const saved = { timeoutMs: 60_000, judgement: { passPatterns: ['^old$'] } } as unknown as GuestPlan

it('a fork ends as the options say, and else as the guest that was saved', () => {
  expect(withForkEnds(saved, forkEndsOf({}))).toEqual(saved)
  const ends = forkEndsOf({ until: ['1+1'], untilRegex: ['^a'], timeout: '1.5m' })
  expect(withForkEnds(saved, ends)).toMatchObject({
    timeoutMs: 90_000,
    judgement: { passPatterns: ['^old$', '1\\+1', '^a'] },
  })
})

it('a fork in the background stays, unless a time-out is given', () => {
  expect(forkEndsOf({ supervise: 'log' }).timeoutMs).toBe(STAYS_MS)
  expect(forkEndsOf({ supervise: 'log', timeout: '20' }).timeoutMs).toBe(20_000)
})

it('refuses what is no time', () => {
  expect(() => forkEndsOf({ timeout: 'soon' })).toThrow('"soon" is not a time')
})
