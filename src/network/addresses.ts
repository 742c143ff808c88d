/** MAC and IPv4 addresses as numbers, and as people write them. */

/** Six bytes as one number: 48 bits are exact in a double, and make a fast key. */
export type Mac = number
/** Four bytes as one unsigned number. */
export type Ipv4 = number

export const BROADCAST_MAC: Mac = 0xffff_ffff_ffff
export const BROADCAST_IP: Ipv4 = 0xffff_ffff

const MAC = /^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i

/** Parses `52:54:00:12:34:56`, also with hyphens. */
export function parseMac(text: string): Mac | undefined {
  return MAC.test(text) ? Number.parseInt(text.replace(/[:-]/g, ''), 16) : undefined
}

export function formatMac(mac: Mac): string {
  return (mac.toString(16).padStart(12, '0').match(/../g) ?? []).join(':')
}

/** Group addresses (multicast, broadcast) have the lowest bit of the first byte set. */
export function isGroup(mac: Mac): boolean {
  return Math.floor(mac / 2 ** 40) % 2 === 1
}

export function readMac(bytes: Buffer, offset: number): Mac {
  return bytes.readUInt16BE(offset) * 2 ** 32 + bytes.readUInt32BE(offset + 2)
}

export function writeMac(bytes: Buffer, mac: Mac, offset: number): void {
  bytes.writeUInt16BE(Math.floor(mac / 2 ** 32), offset)
  bytes.writeUInt32BE(mac % 2 ** 32, offset + 2)
}

/** Parses `10.1.0.2`: four decimal numbers without leading zeros, which some programs read as octal. */
export function parseIpv4(text: string): Ipv4 | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined
  return parts.reduce((address, part) => address * 256 + Number(part), 0)
}

export function formatIpv4(address: Ipv4): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
}

export interface Subnet {
  /** Its first address, which belongs to no host. */
  readonly address: Ipv4
  readonly bits: number
  readonly mask: Ipv4
  /** Its last address. */
  readonly broadcast: Ipv4
}

/** Parses `10.1.0.0/24`. Undefined when it is not a subnet, or has bits set behind its prefix. */
export function parseSubnet(text: string): Subnet | undefined {
  const [, base = '', length = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? []
  const address = parseIpv4(base)
  const bits = Number(length)
  if (address === undefined || length === '' || bits > 32) return undefined
  const mask = bits === 0 ? 0 : (BROADCAST_IP << (32 - bits)) >>> 0
  const subnet = { address, bits, mask, broadcast: (address | ~mask) >>> 0 }
  return (address & mask) >>> 0 === address ? subnet : undefined
}

export function formatSubnet({ address, bits }: Pick<Subnet, 'address' | 'bits'>): string {
  return `${formatIpv4(address)}/${bits}`
}

export function isWithin(address: Ipv4, { address: base, mask }: Pick<Subnet, 'address' | 'mask'>): boolean {
  return (address & mask) >>> 0 === base
}

/** Addresses for hosts: neither the first nor the last. */
export function hostsOf({ address, broadcast }: Subnet): { readonly first: Ipv4; readonly last: Ipv4 } {
  return { first: address + 1, last: broadcast - 1 }
}
