import { expect, it } from 'vitest'
import { numberOf } from './metrics.ts'

it('reads decimal numbers, and no digits of another base', () => {
  expect(['16', ' 1.5\n', '-2', '+3', '.5', '4.', '1e3', 7].map(numberOf)).toEqual([
    16, 1.5, -2, 3, 0.5, 4, 1000, 7,
  ])
  expect(
    ['0x10', '0b1', '0o7', '', ' ', '1,000', '1e999', 'Infinity', Number.NaN, true].map(numberOf),
  ).toEqual(new Array(10).fill(undefined))
})
