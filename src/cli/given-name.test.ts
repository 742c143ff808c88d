import { expect, test } from 'vitest'
import { requireName } from './given-name.ts'

test.each(['db', 'a', '9', 'linux-6.1_b', 'lasting', 'x'.repeat(63)])('%s is a name', (name) => {
  expect(() => requireName('--name', name)).not.toThrow()
})

test.each(['', 'a/b', '.', '..', '--x', 'x y', 'last', 'a.part', 'é', 'a\n', 'x'.repeat(64)])(
  '%j is not a name',
  (name) => {
    expect(() => requireName('--name', name)).toThrow('--name')
  },
)
