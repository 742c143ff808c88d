import { expect, test } from 'vitest'
import { mayFit } from './install.ts'

test.each([
  ['7.2', '<=7.2.5', true],
  ['7.2', '7.2.22', true],
  ['7.2', '>=8', false],
  ['7.2', '7.2', true],
  ['10.0.2', '10.0', true],
  ['10.0.2', '10.0.13', false],
  ['10.0.2', '<10', false],
])('a package of %s may be a QEMU %s: %s', (upstream, spec, expected) =>
  expect(mayFit(upstream, spec)).toBe(expected),
)
