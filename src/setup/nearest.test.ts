import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test('slips and renames are found, strangers are not', () => {
  const names = ['tcpdump', 'tcpreplay', 'libncurses-dev', 'libncurses6', 'qemu-system-x86', 'zlib1g-dev']
  expect(nearest('tcpdumb', names)).toEqual(['tcpdump'])
  expect(nearest('libncurses5-dev', names)[0]).toBe('libncurses-dev')
  expect(nearest('xyzzy', names)).toEqual([])
})
