import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test('finds what was meant, and nothing where nothing is near', () => {
  expect(nearest('rusn', ['run', 'runs', 'plan'])).toBe('runs')
  expect(nearest('memroy', ['memory', 'machine'])).toBe('memory')
  expect(nearest('Devices', ['devices'])).toBe('devices')
  expect(nearest('watchdog', ['nic', 'disk'])).toBeUndefined()
  expect(nearest('x', [])).toBeUndefined()
})

test('a word of other letters only was not meant', () => {
  expect(nearest('q', ['x'])).toBeUndefined()
  expect(nearest('ab', ['xy', 'cb'])).toBe('cb')
})
