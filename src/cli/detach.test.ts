import { expect, test } from 'vitest'
import { supervised } from './detach.ts'

test('the process that owns the run gets the same words but for -d', () => {
  expect(supervised(['run', '-d', '--memory', '64M'])).toEqual(['run', '--memory', '64M', '--supervise'])
  expect(supervised(['run', '--detach', '--', 'ls', '-d'])).toEqual(['run', '--supervise', '--', 'ls', '-d'])
})
