import { describe, expect, it } from 'vitest'
import { parseIpv4, parseMac } from './addresses.ts'
import {
  checksum,
  ETHERTYPE,
  ethernetFrame,
  ipv4Packet,
  namesOfTraffic,
  PROTOCOL,
  readEthernet,
  readIpv4,
  readUdp,
  trafficOf,
  udpPacket,
} from './frame.ts'

const [a, b] = [parseMac('52:54:00:00:00:01') ?? 0, parseMac('52:54:00:00:00:02') ?? 0]
const [source, destination] = [parseIpv4('10.1.0.1') ?? 0, parseIpv4('10.1.0.2') ?? 0]
const frameOf = (etherType: number, payload: Buffer) =>
  ethernetFrame({ destination: b, source: a, etherType }, payload)

describe('the header of a frame', () => {
  it('has addresses and type', () => {
    const frame = frameOf(ETHERTYPE.arp, Buffer.alloc(28))
    expect(readEthernet(frame)).toEqual({ destination: b, source: a, etherType: ETHERTYPE.arp, offset: 14 })
  })
  it('is looked for behind VLAN tags', () => {
    const tagged = Buffer.from('000181000002080045', 'hex')
    expect(readEthernet(frameOf(ETHERTYPE.qinq, tagged))).toMatchObject({ etherType: 0x0800, offset: 22 })
    expect(readEthernet(frameOf(ETHERTYPE.vlan, Buffer.from('00', 'hex')))).toMatchObject({ offset: 14 })
  })
  it('is missing in a short frame', () => expect(readEthernet(Buffer.alloc(13))).toBeUndefined())
})

describe('kinds of traffic', () => {
  const ip = (protocol: number) => ipv4Packet({ source, destination, protocol, payload: Buffer.alloc(8) })
  const ip6 = (next: number) => Buffer.from([0x60, 0, 0, 0, 0, 0, next])
  it.each([
    ['TCP', frameOf(ETHERTYPE.ipv4, ip(PROTOCOL.tcp)), ['ipv4', 'tcp']],
    [
      'UDP in a VLAN',
      frameOf(ETHERTYPE.vlan, Buffer.concat([Buffer.from('00050800', 'hex'), ip(17)])),
      ['ipv4', 'udp'],
    ],
    ['ICMP', frameOf(ETHERTYPE.ipv4, ip(1)), ['ipv4', 'icmp']],
    ['ICMPv6', frameOf(ETHERTYPE.ipv6, ip6(58)), ['ipv6', 'icmp']],
    ['SCTP over IPv6', frameOf(ETHERTYPE.ipv6, ip6(132)), ['ipv6']],
    ['ARP', frameOf(ETHERTYPE.arp, Buffer.alloc(28)), ['arp']],
    ['another protocol', frameOf(0x88cc, Buffer.alloc(8)), []],
    ['an IPv4 header of 3 bytes', frameOf(ETHERTYPE.ipv4, Buffer.alloc(3)), ['ipv4']],
    ['5 bytes', Buffer.alloc(5), []],
  ])('%s', (_, frame, names) => expect(namesOfTraffic(trafficOf(frame))).toEqual(names))
})

describe('packets', () => {
  it('come back as they were made, and their check sums are right', () => {
    const payload = Buffer.from('odd')
    const packet = udpPacket({ source, destination }, { sourcePort: 67, destinationPort: 68, payload })
    const ip = readIpv4(packet)
    expect(ip).toMatchObject({ source, destination, protocol: PROTOCOL.udp })
    expect(readUdp(ip?.payload ?? Buffer.alloc(0))).toEqual({ sourcePort: 67, destinationPort: 68, payload })
    const pseudo = Buffer.from('0a0100010a0100020011000b', 'hex')
    expect(checksum(Buffer.concat([pseudo, ip?.payload ?? Buffer.alloc(0)]))).toBe(0)
  })
  it('of RFC 1071 have the sum that it names', () => {
    expect(checksum(Buffer.from('0001f203f4f5f6f7', 'hex'))).toBe(~0xddf2 & 0xffff)
  })

  const good = ipv4Packet({ source, destination, protocol: 17, payload: Buffer.alloc(20) })
  const changed = (offset: number, value: number) => {
    const bytes = Buffer.from(good)
    bytes[offset] = value
    bytes.writeUInt16BE(0, 10)
    bytes.writeUInt16BE(checksum(bytes.subarray(0, 20)), 10)
    return bytes
  }
  it.each([
    ['of version 6', changed(0, 0x65)],
    ['with a header of 16 bytes', changed(0, 0x44)],
    ['with a header longer than the packet', changed(0, 0x4f)],
    ['longer than the frame', changed(3, 41)],
    ['shorter than its header', changed(3, 19)],
    ['that are fragments', changed(6, 0x20)],
    ['that are later fragments', changed(7, 1)],
    ['with a wrong sum', Buffer.concat([Buffer.from([0x45, 1]), good.subarray(2)])],
    ['of 3 bytes', good.subarray(0, 3)],
  ])('%s are not read', (_, bytes) => expect(readIpv4(bytes)).toBeUndefined())

  it.each(['', '0043004400070000', '00430044000900'])('UDP %j is not read', (hex) =>
    expect(readUdp(Buffer.from(hex, 'hex'))).toBeUndefined(),
  )
})
