import { expect, test } from 'vitest'
import { isAtLeast, versionIn } from './version.ts'

test('versions as programs say them', () => {
  expect(versionIn('QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)')).toBe('7.2.22')
  expect(versionIn('kmod version 30')).toBe('30')
  expect(versionIn('none')).toBeUndefined()
})

test('compared by number, missing parts being zero', () => {
  expect(isAtLeast('10.0', '9.1')).toBe(true)
  expect(isAtLeast('5.9.9', '6')).toBe(false)
  expect(isAtLeast('6', '6.0.0')).toBe(true)
  expect(isAtLeast('weird', '6')).toBe(true)
})
