/** DHCP messages (RFC 2131, 2132), as far as clients of a private network need them. */
import { type Ipv4, type Mac, readMac, writeMac } from './addresses.ts'

export const DHCP_PORTS = { server: 67, client: 68 } as const

export const DHCP = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const

/** Options by their numbers. */
const OPTION = {
  mask: 1,
  router: 3,
  dns: 6,
  hostName: 12,
  domain: 15,
  mtu: 26,
  broadcast: 28,
  requested: 50,
  leaseTime: 51,
  type: 53,
  server: 54,
} as const

const FIXED_BYTES = 236
const COOKIE = 0x6382_5363
/** A BOOTP message without options; shorter ones are refused by old clients. */
const LEAST_BYTES = 300

export interface DhcpRequest {
  readonly type: number
  readonly xid: number
  readonly flags: number
  /** The address that the client has already. */
  readonly clientAddress: Ipv4
  readonly mac: Mac
  readonly relay: Ipv4
  readonly requested?: Ipv4
  readonly server?: Ipv4
}

/** A client's message over Ethernet; undefined for anything else. */
export function readDhcpRequest(bytes: Buffer): DhcpRequest | undefined {
  if (bytes.length < FIXED_BYTES + 4 || bytes.readUInt32BE(FIXED_BYTES) !== COOKIE) return undefined
  const [op, hardwareType, hardwareBytes] = bytes
  if (op !== 1 || hardwareType !== 1 || hardwareBytes !== 6) return undefined
  const options = readOptions(bytes.subarray(FIXED_BYTES + 4))
  const type = options.get(OPTION.type)
  if (type?.length !== 1) return undefined
  const address = (option: number) => {
    const value = options.get(option)
    return value?.length === 4 ? value.readUInt32BE(0) : undefined
  }
  const [requested, server] = [address(OPTION.requested), address(OPTION.server)]
  return {
    type: type[0] ?? 0,
    xid: bytes.readUInt32BE(4),
    flags: bytes.readUInt16BE(10),
    clientAddress: bytes.readUInt32BE(12),
    relay: bytes.readUInt32BE(24),
    mac: readMac(bytes, 28),
    ...(requested === undefined ? {} : { requested }),
    ...(server === undefined ? {} : { server }),
  }
}

function readOptions(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const options = new Map<number, Buffer>()
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at] ?? 255
    if (code === 255) break
    if (code === 0) {
      at++
      continue
    }
    const end = at + 2 + (bytes[at + 1] ?? Number.POSITIVE_INFINITY)
    if (end > bytes.length) break
    options.set(code, bytes.subarray(at + 2, end))
    at = end
  }
  return options
}

export interface DhcpReply {
  readonly type: number
  readonly server: Ipv4
  /** Addresses and options for the client; absent in a refusal. */
  readonly lease?: DhcpLease
}

export interface DhcpLease {
  /** 0 where the client has an address of its own (INFORM). */
  readonly address: Ipv4
  /** Not sent where the address is the client's own. */
  readonly seconds?: number
  readonly mask: Ipv4
  readonly broadcast: Ipv4
  readonly router?: Ipv4
  readonly dns?: Ipv4
  readonly hostName?: string
  readonly domain: string
  readonly mtu: number
}

/** The answer to a request, which it repeats where it has to. */
export function writeDhcpReply(request: DhcpRequest, { type, server, lease }: DhcpReply): Buffer {
  const options = [
    option(OPTION.type, Buffer.from([type])),
    option(OPTION.server, address(server)),
    ...(lease === undefined ? [] : leaseOptions(lease)),
    Buffer.from([255]),
  ]
  const bytes = Buffer.alloc(
    Math.max(LEAST_BYTES, FIXED_BYTES + 4 + options.reduce((sum, { length }) => sum + length, 0)),
  )
  bytes.set([2, 1, 6, 0])
  bytes.writeUInt32BE(request.xid, 4)
  bytes.writeUInt16BE(request.flags, 10)
  if (type !== DHCP.nak) bytes.writeUInt32BE(request.clientAddress, 12)
  bytes.writeUInt32BE(lease?.address ?? 0, 16)
  bytes.writeUInt32BE(server, 20)
  bytes.writeUInt32BE(request.relay, 24)
  writeMac(bytes, request.mac, 28)
  bytes.writeUInt32BE(COOKIE, FIXED_BYTES)
  Buffer.concat(options).copy(bytes, FIXED_BYTES + 4)
  return bytes
}

/** What clients need, each for a reason: dhclient refuses offers without a lease time, udhcpc sets no mask without one. */
function leaseOptions(lease: DhcpLease): readonly Buffer[] {
  const { seconds, mask, broadcast, router, dns, hostName, domain, mtu } = lease
  return [
    ...(seconds === undefined ? [] : [option(OPTION.leaseTime, address(seconds))]),
    option(OPTION.mask, address(mask)),
    option(OPTION.broadcast, address(broadcast)),
    ...(router === undefined ? [] : [option(OPTION.router, address(router))]),
    ...(dns === undefined
      ? []
      : [option(OPTION.dns, address(dns)), option(OPTION.domain, Buffer.from(domain))]),
    ...(hostName === undefined ? [] : [option(OPTION.hostName, Buffer.from(hostName))]),
    option(OPTION.mtu, Buffer.from([mtu >> 8, mtu & 255])),
  ]
}

const option = (code: number, value: Buffer) => Buffer.concat([Buffer.from([code, value.length]), value])

function address(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
