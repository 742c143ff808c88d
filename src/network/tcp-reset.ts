/** "Connection refused" (RFC 9293, 3.5.2): without it a guest that connects to the gateway waits for minutes. */
import { type IpPacket, ipv4Packet, PROTOCOL, transportSum } from './frame.ts'

const FLAG = { fin: 1, syn: 2, rst: 4, ack: 16 } as const
const HEADER_BYTES = 20

/** The answer to a segment; a reset is not answered. */
export function resetOf({ source, destination, payload: segment }: IpPacket): Buffer | undefined {
  if (segment.length < HEADER_BYTES) return undefined
  const flags = segment.readUInt8(13)
  const has = (flag: number) => (flags & flag) !== 0
  if (has(FLAG.rst)) return undefined
  const reply = Buffer.alloc(HEADER_BYTES)
  segment.copy(reply, 0, 2, 4)
  segment.copy(reply, 2, 0, 2)
  reply.writeUInt8((HEADER_BYTES / 4) << 4, 12)
  if (has(FLAG.ack)) {
    segment.copy(reply, 4, 8, 12)
    reply.writeUInt8(FLAG.rst, 13)
  } else {
    const data = segment.length - (segment.readUInt8(12) >> 4) * 4
    const taken = Math.max(0, data) + (has(FLAG.syn) ? 1 : 0) + (has(FLAG.fin) ? 1 : 0)
    reply.writeUInt32BE((segment.readUInt32BE(4) + taken) % 2 ** 32, 8)
    reply.writeUInt8(FLAG.rst | FLAG.ack, 13)
  }
  const way = { source: destination, destination: source }
  reply.writeUInt16BE(transportSum(way.source, way.destination, PROTOCOL.tcp, reply), 16)
  return ipv4Packet({ ...way, protocol: PROTOCOL.tcp, payload: reply })
}
