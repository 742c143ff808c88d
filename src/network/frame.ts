/** The headers that the switch reads: Ethernet, VLAN tags, ARP, IPv4, IPv6, UDP. */
import { type Ipv4, type Mac, readMac, writeMac } from './addresses.ts'

export const ETHERNET_BYTES = 14
const VLAN_BYTES = 4
/** What a frame may have beyond the MTU: its header and two VLAN tags. */
export const OVERHEAD_BYTES = ETHERNET_BYTES + 2 * VLAN_BYTES

export const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, qinq: 0x88a8, ipv6: 0x86dd } as const
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const

export interface Ethernet {
  readonly destination: Mac
  readonly source: Mac
  /** Of what the frame carries, behind the VLAN tags. Lengths (below 1536) stand here for 802.3 frames. */
  readonly etherType: number
  /** Where what it carries begins. */
  readonly offset: number
}

/** The header of a frame; undefined where it is too short to have one. */
export function readEthernet(frame: Buffer): Ethernet | undefined {
  if (frame.length < ETHERNET_BYTES) return undefined
  let offset = ETHERNET_BYTES
  let etherType = frame.readUInt16BE(12)
  for (let tags = 0; tags < 2 && (etherType === ETHERTYPE.vlan || etherType === ETHERTYPE.qinq); tags++) {
    if (frame.length < offset + VLAN_BYTES) break
    etherType = frame.readUInt16BE(offset + 2)
    offset += VLAN_BYTES
  }
  return { destination: readMac(frame, 0), source: readMac(frame, 6), etherType, offset }
}

/**
 * The kind of traffic that a frame belongs to, as a number: EtherType and IP protocol. Faults count frames by it, so that
 * the chatter of one protocol does not move the losses of another.
 */
export function trafficOf(frame: Buffer): number {
  const header = readEthernet(frame)
  if (header === undefined) return 0
  const { etherType, offset } = header
  if (etherType === ETHERTYPE.ipv4) return etherType * 256 + (frame[offset + 9] ?? 0)
  if (etherType === ETHERTYPE.ipv6) return etherType * 256 + (frame[offset + 6] ?? 0)
  return etherType * 256
}

/** Names of the kinds of traffic that faults can be limited to. */
export const TRAFFIC_NAMES = ['arp', 'ipv4', 'ipv6', 'icmp', 'tcp', 'udp'] as const
export type TrafficName = (typeof TRAFFIC_NAMES)[number]

/** All the names that fit, the most general first. */
export function namesOfTraffic(traffic: number): readonly TrafficName[] {
  const [etherType, protocol] = [Math.floor(traffic / 256), traffic % 256]
  if (etherType === ETHERTYPE.arp) return ['arp']
  if (etherType !== ETHERTYPE.ipv4 && etherType !== ETHERTYPE.ipv6) return []
  const family = etherType === ETHERTYPE.ipv4 ? 'ipv4' : 'ipv6'
  if (protocol === PROTOCOL.tcp) return [family, 'tcp']
  if (protocol === PROTOCOL.udp) return [family, 'udp']
  const isIcmp = protocol === (family === 'ipv4' ? PROTOCOL.icmp : PROTOCOL.icmpv6)
  return isIcmp ? [family, 'icmp'] : [family]
}

export interface IpPacket {
  readonly source: Ipv4
  readonly destination: Ipv4
  readonly protocol: number
  readonly payload: Buffer
  /** Header and payload, as an ICMP error quotes them. */
  readonly whole: Buffer
}

const IP_BYTES = 20

/** An IPv4 packet with a sound header, whole and not a fragment. */
export function readIpv4(packet: Buffer): IpPacket | undefined {
  if (packet.length < IP_BYTES || (packet[0] ?? 0) >> 4 !== 4) return undefined
  const headerBytes = ((packet[0] ?? 0) & 15) * 4
  const total = packet.readUInt16BE(2)
  if (headerBytes < IP_BYTES || total < headerBytes || total > packet.length) return undefined
  const isFragment = (packet.readUInt16BE(6) & 0x3fff) !== 0
  if (isFragment || checksum(packet.subarray(0, headerBytes)) !== 0) return undefined
  return {
    source: packet.readUInt32BE(12),
    destination: packet.readUInt32BE(16),
    protocol: packet[9] ?? 0,
    payload: packet.subarray(headerBytes, total),
    whole: packet.subarray(0, total),
  }
}

export interface UdpDatagram {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly payload: Buffer
}

const UDP_BYTES = 8

/** The check sum is not looked at: clients of DHCP may leave it out. */
export function readUdp(bytes: Buffer): UdpDatagram | undefined {
  if (bytes.length < UDP_BYTES) return undefined
  const length = bytes.readUInt16BE(4)
  if (length < UDP_BYTES || length > bytes.length) return undefined
  return {
    sourcePort: bytes.readUInt16BE(0),
    destinationPort: bytes.readUInt16BE(2),
    payload: bytes.subarray(UDP_BYTES, length),
  }
}

export function ethernetFrame(
  { destination, source, etherType }: Pick<Ethernet, 'destination' | 'source' | 'etherType'>,
  payload: Buffer,
): Buffer {
  const frame = Buffer.alloc(ETHERNET_BYTES + payload.length)
  writeMac(frame, destination, 0)
  writeMac(frame, source, 6)
  frame.writeUInt16BE(etherType, 12)
  payload.copy(frame, ETHERNET_BYTES)
  return frame
}

export function ipv4Packet({
  source,
  destination,
  protocol,
  payload,
}: Pick<IpPacket, 'source' | 'destination' | 'protocol' | 'payload'>): Buffer {
  const packet = Buffer.alloc(IP_BYTES + payload.length)
  packet[0] = 0x45
  packet.writeUInt16BE(packet.length, 2)
  packet[8] = 64
  packet[9] = protocol
  packet.writeUInt32BE(source, 12)
  packet.writeUInt32BE(destination, 16)
  packet.writeUInt16BE(checksum(packet.subarray(0, IP_BYTES)), 10)
  payload.copy(packet, IP_BYTES)
  return packet
}

/** With its check sum over the pseudo header: clients check what is not 0. */
export function udpPacket(
  { source, destination }: Pick<IpPacket, 'source' | 'destination'>,
  { sourcePort, destinationPort, payload }: UdpDatagram,
): Buffer {
  const udp = Buffer.alloc(UDP_BYTES + payload.length)
  udp.writeUInt16BE(sourcePort, 0)
  udp.writeUInt16BE(destinationPort, 2)
  udp.writeUInt16BE(udp.length, 4)
  payload.copy(udp, UDP_BYTES)
  // 0 means "no check sum", so a sum of 0 is sent as its other form.
  udp.writeUInt16BE(transportSum(source, destination, PROTOCOL.udp, udp) || 0xffff, 6)
  return ipv4Packet({ source, destination, protocol: PROTOCOL.udp, payload: udp })
}

/** The check sum of UDP and TCP, which covers the addresses too. */
export function transportSum(source: Ipv4, destination: Ipv4, protocol: number, segment: Buffer): number {
  const pseudo = Buffer.alloc(12)
  pseudo.writeUInt32BE(source, 0)
  pseudo.writeUInt32BE(destination, 4)
  pseudo[9] = protocol
  pseudo.writeUInt16BE(segment.length, 10)
  return checksum(Buffer.concat([pseudo, segment]))
}

/** The Internet check sum (RFC 1071). Over bytes that include a right one it is 0. */
export function checksum(bytes: Buffer): number {
  let sum = 0
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += bytes.readUInt16BE(i)
  if (bytes.length % 2 === 1) sum += (bytes[bytes.length - 1] ?? 0) << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}
