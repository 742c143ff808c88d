import { expect, test } from 'vitest'
import { checkVersion } from './start-problems.ts'

const greeting = {
  version: { qemu: { micro: 22, minor: 2, major: 7 }, package: 'Debian' },
  capabilities: ['oob'],
}

test('a QEMU of another version than was planned for is a finding', () => {
  expect(checkVersion('7.2.22', greeting)).toEqual([])
  expect(checkVersion('10.0.2', greeting)[0]).toMatchObject({
    code: 'QEMU_OTHER_VERSION',
    what: 'QEMU 7.2.22 started, and the machine was planned for 10.0.2',
  })
  // Before its version is known, and a greeting of something else.
  expect(checkVersion('', greeting)).toEqual([])
  expect(checkVersion('7.2.22', {})).toEqual([])
})
