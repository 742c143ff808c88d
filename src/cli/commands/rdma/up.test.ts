import { expect, test } from 'vitest'
import { freeName } from './up.ts'

test('a new device gets the first name that no device has', () => {
  expect(freeName([])).toBe('rxe0')
  expect(freeName(['mlx5_0', 'rxe0', 'rxe2'])).toBe('rxe1')
})
