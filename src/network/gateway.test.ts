/** The gateway by its frames: what a guest would send and get. */
import dnsPacket, { type DecodedPacket, type Packet, type Question } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import {
  BROADCAST_IP,
  BROADCAST_MAC,
  formatIpv4,
  formatMac,
  type Ipv4,
  parseIpv4,
  parseMac,
  parseSubnet,
} from './addresses.ts'
import { DhcpServer } from './dhcp.ts'
import { DnsServer } from './dns.ts'
import {
  checksum,
  ETHERTYPE,
  ethernetFrame,
  ipv4Packet,
  PROTOCOL,
  readEthernet,
  readIpv4,
  readUdp,
  transportSum,
  udpPacket,
} from './frame.ts'
import { framed } from './framing.ts'
import { Gateway } from './gateway.ts'
import type { NetworkEvent } from './network-event.ts'
import { newCounters, type Outlet } from './port.ts'

const ip = (text: string) => parseIpv4(text) ?? 0
const subnet = parseSubnet('10.1.0.0/28')
if (subnet === undefined) throw new Error('no subnet')
const MAC = parseMac('52:55:0a:01:00:01') ?? 0
const CLIENT = parseMac('52:54:00:00:00:02') ?? 0
const [HERE, THERE] = [ip('10.1.0.1'), ip('10.1.0.10')]

function gateway({ hasRouter = true, hasDns = true } = {}) {
  const sent: Buffer[] = []
  const events: NetworkEvent[] = []
  const dhcp = new DhcpServer({
    subnet: subnet ?? { address: 0, bits: 0, mask: 0, broadcast: 0 },
    server: HERE,
    hasRouter,
    hasDns,
    domain: 'lan',
    mtu: 1500,
    ports: [{ name: 'client/lan', guest: 'client', mac: CLIENT, address: THERE }],
    onEvent: (event) => events.push(event),
  })
  const names = [
    { name: 'Client-1', address: THERE },
    { name: 'gateway', address: HERE },
  ]
  const box = new Gateway({
    mac: MAC,
    address: HERE,
    subnet: subnet ?? { address: 0, bits: 0, mask: 0, broadcast: 0 },
    dhcp,
    ...(hasDns ? { dns: new DnsServer({ domain: 'lan', names }) } : {}),
    transmit: (frame) => sent.push(frame),
  })
  const from: Outlet = {
    name: 'client/lan',
    guest: 'client',
    isService: false,
    counters: newCounters(),
    isOpen: true,
    send: () => {},
    flush: () => {},
    reserve: () => true,
    release: () => {},
  }
  const ask = (frame: Buffer): Buffer | undefined => {
    const bytes = framed(frame)
    box.send(bytes, 0, bytes.length, from)
    return sent.pop()
  }
  return { ask, events }
}

const ether = (etherType: number, payload: Buffer, destination = MAC) =>
  ethernetFrame({ destination, source: CLIENT, etherType }, payload)
const ipFrame = (packet: Buffer, destination = MAC) => ether(ETHERTYPE.ipv4, packet, destination)
const answered = (frame: Buffer | undefined) => {
  if (frame === undefined) return undefined
  expect(readEthernet(frame)).toMatchObject({ source: MAC })
  return readIpv4(frame.subarray(14))
}

describe('ARP', () => {
  const request = (target: Ipv4) => {
    const bytes = Buffer.from(
      '0001080006040001525400000002' + '0a01000a' + '000000000000' + '00000000',
      'hex',
    )
    bytes.writeUInt32BE(target, 24)
    return ether(ETHERTYPE.arp, bytes, BROADCAST_MAC)
  }
  it('for its own address is answered to the asker', () => {
    const reply = gateway().ask(request(HERE))
    expect(reply?.toString('hex')).toBe(
      `525400000002${'52550a010001'}08060001080006040002${'52550a010001'}0a010001${'525400000002'}0a01000a`,
    )
  })
  it('for others is not', () => expect(gateway().ask(request(THERE))).toBeUndefined())
  it('that is cut off is not', () =>
    expect(gateway().ask(ether(ETHERTYPE.arp, Buffer.alloc(20), BROADCAST_MAC))).toBeUndefined())
})

describe('IP', () => {
  const packet = (protocol: number, payload: Buffer, destination = HERE, source = THERE) =>
    ipFrame(ipv4Packet({ source, destination, protocol, payload }))
  const echo = () => {
    const bytes = Buffer.from('0800000012340001616263', 'hex')
    bytes.writeUInt16BE(checksum(bytes), 2)
    return bytes
  }

  it('answers ping', () => {
    const reply = answered(gateway().ask(packet(PROTOCOL.icmp, echo())))
    expect(reply).toMatchObject({ source: HERE, destination: THERE, protocol: PROTOCOL.icmp })
    expect(reply?.payload.toString('hex')).toMatch(/^0000....12340001616263$/)
    expect(checksum(reply?.payload ?? Buffer.alloc(1))).toBe(0)
  })

  it('refuses TCP connections', () => {
    const syn = Buffer.alloc(20)
    syn.writeUInt16BE(40_000, 0)
    syn.writeUInt16BE(80, 2)
    syn.writeUInt32BE(0xffff_ffff, 4)
    syn[12] = 5 << 4
    syn[13] = 2
    const reply = answered(gateway().ask(packet(PROTOCOL.tcp, syn)))?.payload ?? Buffer.alloc(0)
    expect([reply.readUInt16BE(0), reply.readUInt16BE(2), reply.readUInt32BE(8), reply[13]]).toEqual([
      80, 40_000, 0, 20,
    ])
    expect(transportSum(HERE, THERE, PROTOCOL.tcp, reply)).toBe(0)
    const data = Buffer.from(syn)
    data[13] = 16
    data.writeUInt32BE(77, 8)
    const other = answered(gateway().ask(packet(PROTOCOL.tcp, data)))?.payload ?? Buffer.alloc(0)
    expect([other.readUInt32BE(4), other[13]]).toEqual([77, 4])
    data[13] = 4
    expect(gateway().ask(packet(PROTOCOL.tcp, data))).toBeUndefined()
    expect(gateway().ask(packet(PROTOCOL.tcp, Buffer.alloc(10)))).toBeUndefined()
  })

  const udp = (port: number, destination = HERE) =>
    ipFrame(
      udpPacket(
        { source: THERE, destination },
        { sourcePort: 5000, destinationPort: port, payload: Buffer.from('x') },
      ),
    )
  it.each([
    ['a UDP port', udp(123), [3, 3]],
    ['another protocol', packet(132, Buffer.alloc(16)), [3, 2]],
    ['an address behind the router', udp(80, ip('192.0.2.1')), [3, 0]],
    ['TCP behind the router', packet(PROTOCOL.tcp, Buffer.alloc(20), ip('192.0.2.1')), [3, 0]],
  ])('says that %s is unreachable', (_, frame, codes) => {
    const reply = answered(gateway().ask(frame))
    expect([...(reply?.payload.subarray(0, 2) ?? [])]).toEqual(codes)
    expect(reply?.payload.subarray(8)).toEqual(frame.subarray(14, 14 + 28))
  })

  it.each([
    ['from addresses outside', packet(PROTOCOL.icmp, echo(), HERE, ip('192.0.2.1'))],
    ['for other guests', udp(80, ip('10.1.0.3'))],
    ['for groups', udp(80, ip('224.0.0.251'))],
    ['with a broken sum', packet(PROTOCOL.icmp, Buffer.from('0800111112340001', 'hex'))],
    ['in fragments', ipFrame(Buffer.from('4500001c00002000400106e00a01000a0a0100010800f7ff00000000', 'hex'))],
    [
      'to all',
      ipFrame(
        udpPacket(
          { source: THERE, destination: BROADCAST_IP },
          { sourcePort: 1, destinationPort: 9, payload: Buffer.alloc(1) },
        ),
        BROADCAST_MAC,
      ),
    ],
    [
      'to another card',
      ether(
        ETHERTYPE.ipv4,
        ipv4Packet({ source: THERE, destination: HERE, protocol: 1, payload: echo() }),
        CLIENT,
      ),
    ],
    [
      'in a VLAN',
      ether(
        ETHERTYPE.vlan,
        Buffer.concat([
          Buffer.from('00050800', 'hex'),
          ipv4Packet({ source: THERE, destination: HERE, protocol: 1, payload: echo() }),
        ]),
      ),
    ],
    ['that is cut off', ether(ETHERTYPE.ipv4, Buffer.from('45', 'hex'))],
  ])('leaves packets %s alone', (_, frame) => expect(gateway().ask(frame)).toBeUndefined())
})

describe('DHCP', () => {
  interface Asked {
    readonly mac?: number
    readonly flags?: number
    readonly ciaddr?: Ipv4
    readonly options?: string
    readonly giaddr?: Ipv4
  }
  /** A message with these options, in hexadecimal digits. */
  const message = ({ mac = CLIENT, flags = 0, ciaddr = 0, giaddr = 0, options = '' }: Asked) => {
    const bytes = Buffer.alloc(240)
    bytes.set([1, 1, 6])
    bytes.writeUInt32BE(0xdead_beef, 4)
    bytes.writeUInt16BE(flags, 10)
    bytes.writeUInt32BE(ciaddr, 12)
    bytes.writeUInt32BE(giaddr, 24)
    bytes.writeUIntBE(mac, 28, 6)
    bytes.writeUInt32BE(0x6382_5363, 236)
    return Buffer.concat([bytes, Buffer.from(`${options}ff`, 'hex')])
  }
  const request = (asked: Asked, payload = message(asked)) =>
    ethernetFrame(
      { destination: BROADCAST_MAC, source: asked.mac ?? CLIENT, etherType: ETHERTYPE.ipv4 },
      udpPacket({ source: 0, destination: BROADCAST_IP }, { sourcePort: 68, destinationPort: 67, payload }),
    )
  /** The options of a reply, by number. */
  const read = (frame: Buffer | undefined) => {
    if (frame === undefined) return undefined
    const packet = readIpv4(frame.subarray(14))
    const udp = readUdp(packet?.payload ?? Buffer.alloc(0))
    const bytes = udp?.payload ?? Buffer.alloc(0)
    const options: Record<number, string> = {}
    for (let at = 240; (bytes[at] ?? 255) !== 255; at += 2 + (bytes[at + 1] ?? 0))
      options[bytes[at] ?? 0] = bytes.subarray(at + 2, at + 2 + (bytes[at + 1] ?? 0)).toString('hex')
    return {
      to: formatMac(readEthernet(frame)?.destination ?? 0),
      ip: formatIpv4(packet?.destination ?? 0),
      ports: [udp?.sourcePort, udp?.destinationPort],
      xid: bytes.readUInt32BE(4),
      flags: bytes.readUInt16BE(10),
      address: formatIpv4(bytes.readUInt32BE(16)),
      length: bytes.length,
      options,
    }
  }
  const DISCOVER = '350101'
  const all = {
    1: 'fffffff0',
    3: '0a010001',
    6: '0a010001',
    12: Buffer.from('client').toString('hex'),
    15: Buffer.from('lan').toString('hex'),
    26: '05dc',
    28: '0a01000f',
    51: '00015180',
    54: '0a010001',
  }

  it('offers and grants the planned address, with all that clients need', () => {
    const { ask, events } = gateway()
    expect(read(ask(request({ options: DISCOVER })))).toEqual({
      to: formatMac(CLIENT),
      ip: '255.255.255.255',
      ports: [67, 68],
      xid: 0xdead_beef,
      flags: 0,
      address: '10.1.0.10',
      length: 300,
      options: { 53: '02', ...all },
    })
    const ack = read(ask(request({ options: '35010332040a01000a36040a010001' })))
    expect(ack).toMatchObject({ address: '10.1.0.10', options: { 53: '05', ...all } })
    expect(events).toEqual([
      { type: 'lease given', port: 'client/lan', mac: formatMac(CLIENT), address: '10.1.0.10' },
    ])
  })

  it('answers to all where the client asks for it', () => {
    expect(read(gateway().ask(request({ flags: 0x8000, options: DISCOVER })))).toMatchObject({
      to: 'ff:ff:ff:ff:ff:ff',
      flags: 0x8000,
    })
  })

  it('renews at the client’s address, and refuses another', () => {
    const { ask } = gateway()
    expect(read(ask(request({ ciaddr: THERE, options: '350103' })))).toMatchObject({
      ip: '10.1.0.10',
      options: { 53: '05' },
    })
    expect(read(ask(request({ options: '35010332040a010063' })))).toMatchObject({
      to: 'ff:ff:ff:ff:ff:ff',
      address: '0.0.0.0',
      options: { 53: '06', 54: '0a010001' },
    })
  })

  it('informs a client that has an address', () => {
    const informed = read(gateway().ask(request({ ciaddr: ip('10.1.0.7'), options: '350108' })))
    expect(informed).toMatchObject({ address: '0.0.0.0', options: { 53: '05', 1: all[1] } })
    expect(informed?.options[51]).toBeUndefined()
  })

  it('leaves out router and DNS where the network has none', () => {
    const offer = read(gateway({ hasRouter: false, hasDns: false }).ask(request({ options: DISCOVER })))
    expect(Object.keys(offer?.options ?? {}).map(Number)).toEqual([1, 12, 26, 28, 51, 53, 54])
  })

  it('has addresses for others behind a port, until there are no more', () => {
    const { ask, events } = gateway()
    const others = Array.from(
      { length: 14 },
      (_, i) => read(ask(request({ mac: CLIENT + 1 + i, options: DISCOVER })))?.address,
    )
    const free = [14, 13, 12, 11, 9, 8, 7, 6, 5, 4, 3, 2].map((n) => `10.1.0.${n}`)
    expect(others).toEqual([...free, undefined, undefined])
    expect(read(ask(request({ mac: CLIENT + 1, options: DISCOVER })))?.address).toBe('10.1.0.14')
    expect(events.map((e) => e.type)).toEqual(['no address', 'no address'])
  })

  it('reports an address that a client declines', () => {
    const { ask, events } = gateway()
    expect(ask(request({ options: '35010432040a01000a' }))).toBeUndefined()
    expect(events).toMatchObject([{ type: 'address declined', address: '10.1.0.10' }])
  })

  it.each([
    ['for another server', request({ options: '35010332040a01000a36040a010063' })],
    ['that release', request({ options: '350107' })],
    ['without a type', request({ options: '0c0161' })],
    [
      'of servers',
      request({}, Buffer.concat([Buffer.from([2]), message({ options: DISCOVER }).subarray(1)])),
    ],
    ['through a relay', request({ giaddr: ip('10.9.0.1'), options: DISCOVER })],
    ['whose options are cut off', request({}, message({}).subarray(0, 240))],
    [
      'with an option longer than the message',
      request({}, Buffer.concat([message({}).subarray(0, 240), Buffer.from('35ff01', 'hex')])),
    ],
    ['without a cookie', request({}, message({ options: DISCOVER }).fill(0, 236, 240))],
    ['of 3 bytes', request({}, Buffer.alloc(3))],
  ])('leaves messages %s alone', (_, frame) => expect(gateway().ask(frame)).toBeUndefined())
})

describe('DNS', () => {
  const send = (payload: Buffer): Buffer | undefined => {
    const ports = { sourcePort: 5353, destinationPort: 53 }
    const reply = answered(
      gateway().ask(ipFrame(udpPacket({ source: THERE, destination: HERE }, { ...ports, payload }))),
    )
    return reply && readUdp(reply.payload)?.payload
  }
  const query = (question: Question, more: Partial<Packet> = {}) => {
    const reply = send(
      dnsPacket.encode({ type: 'query', id: 77, flags: 0x0100, questions: [question], ...more }),
    )
    if (reply === undefined) throw new Error('no answer')
    const decoded = dnsPacket.decode(reply) as DecodedPacket & { readonly rcode: string }
    return {
      code: decoded.rcode,
      answers: decoded.answers?.map((a) => ('data' in a ? `${a.type} ${a.data}` : a.type)),
      decoded,
    }
  }

  it.each([
    ['client-1', 'A', 'NOERROR', ['A 10.1.0.10']],
    ['CLIENT-1.Lan', 'A', 'NOERROR', ['A 10.1.0.10']],
    ['gateway', 'A', 'NOERROR', ['A 10.1.0.1']],
    ['client-1', 'AAAA', 'NOERROR', []],
    ['client-1', 'MX', 'NOERROR', []],
    ['client-1', 'UNKNOWN_65', 'NOERROR', []],
    ['10.0.1.10.in-addr.arpa', 'PTR', 'NOERROR', ['PTR client-1.lan']],
    ['10.0.1.10.in-addr.arpa', 'A', 'NOERROR', []],
    ['example.org', 'A', 'REFUSED', []],
    ['client-1.other', 'A', 'REFUSED', []],
    ['.', 'NS', 'NXDOMAIN', []],
  ] as const)('answers %s %s', (name, type, code, answers) => {
    const reply = query({ name, type: type as Question['type'] })
    expect([reply.code, reply.answers]).toEqual([code, answers])
    expect(reply.decoded).toMatchObject({ id: 77, flag_qr: true, flag_rd: true })
    expect(reply.decoded.questions?.[0]).toMatchObject({ name, type })
  })

  it('says so of what it does not take', () => {
    expect(query({ name: 'a', type: 'A' }, { flags: 0x2800 }).code).toBe('NOTIMP')
    const two = [
      { name: 'a', type: 'A' },
      { name: 'b', type: 'A' },
    ] as const
    expect(query({ name: 'a', type: 'A' }, { questions: [...two] }).code).toBe('FORMERR')
    expect(send(Buffer.alloc(5))).toBeUndefined()
    expect(send(dnsPacket.encode({ type: 'response', id: 1, questions: [] }))).toBeUndefined()
    // A name that points at itself.
    const loop = Buffer.from('004d01000001000000000000c00c00010001', 'hex')
    expect(send(loop)?.toString('hex')).toBe('004d80010000000000000000')
  })

  it('survives 3,000 broken questions', () => {
    const good = dnsPacket.encode({ type: 'query', id: 1, questions: [{ name: 'client-1.lan', type: 'A' }] })
    for (let i = 0; i < 3000; i++) {
      const bytes = Buffer.from(good)
      bytes[(i * 7) % bytes.length] = (i * 31) & 255
      bytes[(i * 13) % bytes.length] = (i * 17) & 255
      send(bytes.subarray(0, 1 + ((i * 11) % bytes.length)))
    }
  })
})
