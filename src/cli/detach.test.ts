import { expect, test } from 'vitest'
import { supervised } from './detach.ts'

test('the process that owns the run gets the same words but for -d', () => {
  expect(supervised(['run', '-d', '--memory', '64M'], '/a b.log')).toEqual([
    ...['run', '--memory', '64M', '--supervise=/a b.log'],
  ])
  expect(supervised(['run', '--detach', '--', 'ls', '-d'], 'x')).toEqual([
    'run',
    '--supervise=x',
    '--',
    'ls',
    '-d',
  ])
})
