import { expect, test } from 'vitest'
import { peekValue } from './peek.ts'

test('a value is found however it is written; the last one counts', () => {
  const names = ['-m', '--machine']
  expect(peekValue(['run', '--machine', 'a'], names)).toBe('a')
  expect(peekValue(['run', '--machine=a', '-m', 'b'], names)).toBe('b')
  expect(peekValue(['-mbig', 'run'], names)).toBe('big')
  expect(peekValue(['run', '--memory', '1G', '--machines=x'], names)).toBeUndefined()
  expect(peekValue(['run', '--machine'], names)).toBeUndefined()
})
