import { expect, test } from 'vitest'
import { flat, machineWith, one } from '../../../test/support/device-context.ts'
import { watchdog } from './watchdog.ts'

test('a timer and what it does', () => {
  expect(flat(one(watchdog, { action: 'inject-nmi' }).compile().args)).toEqual([
    '-device',
    'i6300esb,id=watchdog0',
    '-action',
    'watchdog=inject-nmi',
  ])
})

test('there is one action for the machine', () => {
  expect(
    machineWith([
      [watchdog, {}],
      [watchdog, { action: 'none' }],
    ]).map((d) => d.codes()),
  ).toEqual([[], ['WATCHDOG_TWICE']])
})
