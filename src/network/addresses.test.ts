import { describe, expect, it } from 'vitest'
import {
  formatIpv4,
  formatMac,
  formatSubnet,
  hostsOf,
  isGroup,
  isWithin,
  parseIpv4,
  parseMac,
  parseSubnet,
  readMac,
  writeMac,
} from './addresses.ts'

describe('MAC addresses', () => {
  it('are read and written', () => {
    const mac = parseMac('52-54-00-AB-cd-ff') ?? 0
    expect(formatMac(mac)).toBe('52:54:00:ab:cd:ff')
    const bytes = Buffer.alloc(8)
    writeMac(bytes, mac, 1)
    expect(bytes.toString('hex')).toBe('00525400abcdff00')
    expect(readMac(bytes, 1)).toBe(mac)
    expect(formatMac(1)).toBe('00:00:00:00:00:01')
  })
  it.each(['', '52:54:00', '52:54:00:12:34:5g', '525400123456', '52:54:00:12:34:56:78'])(
    'refuse %j',
    (text) => expect(parseMac(text)).toBeUndefined(),
  )
  it.each([
    ['ff:ff:ff:ff:ff:ff', true],
    ['33:33:00:00:00:01', true],
    ['01:00:5e:00:00:01', true],
    ['52:54:00:12:34:56', false],
    ['00:00:00:00:00:01', false],
  ])('%s belongs to a group: %s', (text, expected) => expect(isGroup(parseMac(text) ?? 0)).toBe(expected))
})

describe('IPv4 addresses', () => {
  it.each(['0.0.0.0', '10.1.0.2', '192.168.255.1', '255.255.255.255'])('%s is read and written', (text) =>
    expect(formatIpv4(parseIpv4(text) ?? -1)).toBe(text),
  )
  it.each([
    '',
    '10.1.0',
    '10.1.0.256',
    '10.1.0.-1',
    '10.01.0.2',
    '10.1.0.2.3',
    'a.b.c.d',
    ' 10.1.0.2',
    '1e1.1.1.1',
  ])('refuse %j', (text) => expect(parseIpv4(text)).toBeUndefined())
})

describe('subnets', () => {
  it('know their range', () => {
    const subnet = parseSubnet('10.1.0.0/24')
    if (subnet === undefined) throw new Error('not parsed')
    expect(formatIpv4(subnet.mask)).toBe('255.255.255.0')
    expect(formatIpv4(subnet.broadcast)).toBe('10.1.0.255')
    expect(formatSubnet(subnet)).toBe('10.1.0.0/24')
    const { first, last } = hostsOf(subnet)
    expect([formatIpv4(first), formatIpv4(last)]).toEqual(['10.1.0.1', '10.1.0.254'])
    expect(isWithin(parseIpv4('10.1.0.77') ?? 0, subnet)).toBe(true)
    expect(isWithin(parseIpv4('10.1.1.77') ?? 0, subnet)).toBe(false)
  })
  it('reach from /0 to /32', () => {
    expect(parseSubnet('0.0.0.0/0')).toMatchObject({ mask: 0, broadcast: 0xffff_ffff })
    expect(parseSubnet('192.168.1.1/32')).toMatchObject({ mask: 0xffff_ffff, broadcast: 0xc0a8_0101 })
    expect(parseSubnet('128.0.0.0/1')).toMatchObject({ mask: 0x8000_0000 })
  })
  it.each(['10.1.0.1/24', '10.1.0.0', '10.1.0.0/33', '10.1.0.0/', '/24', '10.1.0/24', '10.1.0.0/2 4'])(
    'refuse %j',
    (text) => expect(parseSubnet(text)).toBeUndefined(),
  )
})
