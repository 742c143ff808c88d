/** The network's own port: answers ARP, ping, DHCP and DNS, and rejects everything else as unreachable. */
import {
  BROADCAST_IP,
  BROADCAST_MAC,
  type Ipv4,
  isGroup,
  isWithin,
  type Mac,
  readMac,
  type Subnet,
  writeMac,
} from './addresses.ts'
import type { DhcpServer } from './dhcp.ts'
import { DHCP_PORTS } from './dhcp-message.ts'
import { DNS_PORT, type DnsServer } from './dns.ts'
import {
  ETHERTYPE,
  ethernetFrame,
  type IpPacket,
  ipv4Packet,
  PROTOCOL,
  readEthernet,
  readIpv4,
  readUdp,
  udpPacket,
} from './frame.ts'
import { LENGTH_BYTES } from './framing.ts'
import { echoReply, ICMP, isEchoRequest, unreachable } from './icmp.ts'
import { GATEWAY } from './network-plan.ts'
import { newCounters, type Outlet } from './port.ts'
import { resetOf } from './tcp-reset.ts'

export interface GatewayOptions {
  readonly mac: Mac
  readonly address: Ipv4
  readonly subnet: Subnet
  readonly dhcp?: DhcpServer
  readonly dns?: DnsServer
  /** Takes a frame of the gateway's own to the switch. */
  readonly transmit: (frame: Buffer) => void
}

export class Gateway implements Outlet {
  readonly name = GATEWAY
  readonly guest = GATEWAY
  readonly isService = true
  readonly isOpen = true
  readonly counters = newCounters()
  readonly #options: GatewayOptions

  constructor(options: GatewayOptions) {
    this.#options = options
  }

  send(bytes: Buffer, start: number, end: number, from: Outlet): void {
    for (let at = start; at < end; ) {
      const first = at + LENGTH_BYTES
      const next = first + bytes.readUInt32BE(at)
      this.counters.sent++
      this.counters.sentBytes += next - first
      this.#receive(bytes.subarray(first, next), from)
      at = next
    }
  }

  flush(): void {}

  /** What waits here waits in the switch's own time only. */
  reserve(): boolean {
    return true
  }

  release(): void {}

  #receive(frame: Buffer, from: Outlet): void {
    const header = readEthernet(frame)
    if (header === undefined) return
    const { mac } = this.#options
    // Groups other than "all" are nothing that is answered here.
    if (header.destination !== mac && header.destination !== BROADCAST_MAC) return
    const payload = frame.subarray(header.offset)
    // Tagged frames belong to networks inside this one.
    if (header.offset !== 14) return
    if (header.etherType === ETHERTYPE.arp) this.#arp(payload)
    const packet = header.etherType === ETHERTYPE.ipv4 ? readIpv4(payload) : undefined
    if (packet === undefined) return
    const udp = packet.protocol === PROTOCOL.udp ? readUdp(packet.payload) : undefined
    if (udp?.destinationPort === DHCP_PORTS.server && this.#isForUs(packet)) {
      this.#dhcp(udp.payload, header.source, from)
      return
    }
    // Of broadcasts, only requests for an address are for this port.
    if (header.destination !== mac || isGroup(header.source)) return
    const reply = this.#answer(packet)
    if (reply !== undefined) this.#toGuest(header.source, reply)
  }

  #isForUs({ destination }: IpPacket): boolean {
    const { address, subnet } = this.#options
    return destination === address || destination === BROADCAST_IP || destination === subnet.broadcast
  }

  #arp(bytes: Buffer): void {
    const { mac, address } = this.#options
    const isRequest =
      bytes.length >= 28 && bytes.readUInt32BE(0) === 0x0001_0800 && bytes.readUInt32BE(4) === 0x0604_0001
    if (!isRequest || bytes.readUInt32BE(24) !== address) return
    const asker = readMac(bytes, 8)
    const reply = Buffer.alloc(28)
    reply.writeUInt32BE(0x0001_0800, 0)
    reply.writeUInt32BE(0x0604_0002, 4)
    writeMac(reply, mac, 8)
    reply.writeUInt32BE(address, 14)
    writeMac(reply, asker, 18)
    bytes.copy(reply, 24, 14, 18)
    this.#options.transmit(
      ethernetFrame({ destination: asker, source: mac, etherType: ETHERTYPE.arp }, reply),
    )
  }

  #dhcp(payload: Buffer, client: Mac, from: Outlet): void {
    const answer = this.#options.dhcp?.answer(from.name, payload)
    if (answer === undefined) return
    // A client without an address takes what is sent to all addresses at its own card.
    const packet = udpPacket(
      { source: this.#options.address, destination: answer.to ?? BROADCAST_IP },
      { sourcePort: DHCP_PORTS.server, destinationPort: DHCP_PORTS.client, payload: answer.payload },
    )
    this.#toGuest(answer.isBroadcast ? BROADCAST_MAC : client, packet)
  }

  /** The answer to a packet that the guest has sent to us, for us or for elsewhere. */
  #answer(packet: IpPacket): Buffer | undefined {
    const { address, subnet } = this.#options
    // Sources that belong to no host get no answer (RFC 1122).
    if (!isWithin(packet.source, subnet)) return undefined
    const about = { source: address, destination: packet.source }
    if (packet.destination !== address)
      return isWithin(packet.destination, subnet) || isGroupAddress(packet.destination)
        ? undefined
        : unreachable(about, ICMP.noRoute, packet)
    if (packet.protocol === PROTOCOL.icmp)
      return isEchoRequest(packet.payload)
        ? ipv4Packet({ ...about, protocol: PROTOCOL.icmp, payload: echoReply(packet.payload) })
        : undefined
    if (packet.protocol === PROTOCOL.tcp) return resetOf(packet)
    if (packet.protocol !== PROTOCOL.udp) return unreachable(about, ICMP.noProtocol, packet)
    const udp = readUdp(packet.payload)
    if (udp === undefined) return undefined
    const { dns } = this.#options
    if (udp.destinationPort !== DNS_PORT || dns === undefined) return unreachable(about, ICMP.noPort, packet)
    const payload = dns.answer(udp.payload)
    const ports = { sourcePort: DNS_PORT, destinationPort: udp.sourcePort }
    return payload && udpPacket(about, { ...ports, payload })
  }

  #toGuest(destination: Mac, packet: Buffer): void {
    const frame = { destination, source: this.#options.mac, etherType: ETHERTYPE.ipv4 }
    this.#options.transmit(ethernetFrame(frame, packet))
  }
}

/** Multicast and above: 224.0.0.0 and on. */
const isGroupAddress = (address: Ipv4) => address >= 0xe000_0000
