/** ICMP (RFC 792): ping, and "not here". */
import type { Ipv4 } from './addresses.ts'
import { checksum, type IpPacket, ipv4Packet, PROTOCOL } from './frame.ts'

/** Codes of "destination unreachable". */
export const ICMP = { noRoute: 0, noProtocol: 2, noPort: 3 } as const

const [ECHO_REPLY, UNREACHABLE, ECHO_REQUEST] = [0, 3, 8]

export function isEchoRequest(bytes: Buffer): boolean {
  return bytes.length >= 8 && bytes[0] === ECHO_REQUEST && checksum(bytes) === 0
}

export function echoReply(request: Buffer): Buffer {
  const reply = Buffer.from(request)
  reply[0] = ECHO_REPLY
  return summed(reply)
}

/** Quotes the header and the first 8 bytes of what could not be delivered. */
export function unreachable(
  way: { readonly source: Ipv4; readonly destination: Ipv4 },
  code: number,
  { whole, payload }: IpPacket,
): Buffer {
  const quote = whole.subarray(0, whole.length - payload.length + 8)
  const message = Buffer.alloc(8 + quote.length)
  message.set([UNREACHABLE, code])
  quote.copy(message, 8)
  return ipv4Packet({ ...way, protocol: PROTOCOL.icmp, payload: summed(message) })
}

function summed(message: Buffer): Buffer {
  message.writeUInt16BE(0, 2)
  message.writeUInt16BE(checksum(message), 2)
  return message
}
