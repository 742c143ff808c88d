import { expect, test } from 'vitest'
import { journalFolder, summarise } from './journal.ts'

test('events add up to a state', () => {
  const begin = { event: 'begin', step: 0, before: 'a' } as const
  expect(summarise([])).toMatchObject({ state: 'half-done', changes: [] })
  expect(summarise([begin])).toMatchObject({ state: 'half-done', changes: [{ step: 0, before: 'a' }] })
  expect(summarise([begin, { event: 'done', step: 0 }, { event: 'end' }])).toMatchObject({ state: 'done' })
  expect(summarise([begin, { event: 'reboot', step: 0, bootId: 'b' }])).toMatchObject({
    state: 'awaiting-reboot',
    rebootsAfter: 'b',
  })
  expect(
    summarise([begin, { event: 'end' }, { event: 'undo-begin' }, { event: 'undone', step: 0 }]),
  ).toMatchObject({
    state: 'half-undone',
    changes: [{ isUndone: true }],
  })
  expect(summarise([begin, { event: 'failed', step: 0, what: 'no room' }])).toMatchObject({
    state: 'half-done',
    failure: 'no room',
  })
})

test('what was before is what was before the first time', () => {
  const twice = summarise([
    { event: 'begin', step: 0, before: 'first' },
    { event: 'begin', step: 0, before: 'half changed' },
  ])
  expect(twice.changes).toEqual([{ step: 0, before: 'first', isUndone: false }])
})

test('the journal is where XDG says', () => {
  expect(journalFolder({ XDG_STATE_HOME: '/s', HOME: '/h' })).toBe('/s/bringup/operations')
  expect(journalFolder({ XDG_STATE_HOME: 'relative', HOME: '/h' })).toBe('/h/.local/state/bringup/operations')
})
