import { expect, test } from 'vitest'
import { RESTORED, sinceRestored } from './restored.ts'

test('only what came after the restore counts', () => {
  expect(sinceRestored(`took 5 ms\n${RESTORED}\ntook 3 ms\n`)).toBe('took 3 ms\n')
  expect(sinceRestored(`${RESTORED}\nall\n`)).toBe('all\n')
  expect(sinceRestored(`old\n${RESTORED}\n`)).toBe('')
})

test('the log of a boot counts whole, also if the guest printed a text like that in a line', () => {
  expect(sinceRestored('took 5 ms\n')).toBe('took 5 ms\n')
  expect(sinceRestored('')).toBe('')
  expect(sinceRestored(`a ${RESTORED}\nb`)).toBe(`a ${RESTORED}\nb`)
})
