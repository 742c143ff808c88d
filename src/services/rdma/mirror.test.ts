import { expect, test } from 'vitest'
import { addressOf } from './mirror.ts'

test('addresses of GIDs as ip(8) takes them', () => {
  for (const [gid, address] of [
    ['fe80000000000000505400fffe09e2dc', 'fe80:0:0:0:5054:ff:fe09:e2dc/64'],
    ['00000000000000000000ffff0a01000a', '10.1.0.10/32'],
    ['20010db8000000000000000000000001', '2001:db8:0:0:0:0:0:1/128'],
    ['00000000000000000000000000000001', '0:0:0:0:0:0:0:1/128'],
  ] as const)
    expect(addressOf(Buffer.from(gid, 'hex'))).toBe(address)
})
