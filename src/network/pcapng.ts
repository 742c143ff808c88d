/** Blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian, times in microseconds. */

const BLOCK = { section: 0x0a0d_0d0a, interface: 1, statistics: 5, packet: 6 } as const
const OPTION = {
  comment: 1,
  hardware: 2,
  application: 4,
  name: 2,
  description: 3,
  resolution: 9,
  flags: 2,
} as const
const STATISTICS_OPTION = { received: 4, dropped: 5 } as const
const ETHERNET = 1
/** epb_flags: where the frame went, as seen from the network. */
const INBOUND = 1

export interface CapturedFrame {
  /** Of the interface block. */
  readonly port: number
  /** Milliseconds since 1970. */
  readonly atMs: number
  readonly frame: Buffer
  /** What happened to it. */
  readonly comment: string
}

export function sectionBlock(application: string): Buffer {
  const body = Buffer.alloc(16)
  body.writeUInt32LE(0x1a2b_3c4d, 0)
  body.writeUInt16LE(1, 4)
  // Length of the section: not known.
  body.writeBigInt64LE(-1n, 8)
  return block(BLOCK.section, [body, text(OPTION.application, application), END])
}

/** Packets name their interface by the number of this block in the section. */
export function interfaceBlock(name: string, description: string): Buffer {
  const body = Buffer.alloc(8)
  body.writeUInt16LE(ETHERNET, 0)
  const options = [text(OPTION.name, name), text(OPTION.description, description)]
  return block(BLOCK.interface, [body, ...options, option(OPTION.resolution, Buffer.from([6])), END])
}

export function packetBlock({ port, atMs, frame, comment }: CapturedFrame): Buffer {
  const body = Buffer.alloc(20)
  body.writeUInt32LE(port, 0)
  writeTime(body, atMs, 4)
  body.writeUInt32LE(frame.length, 12)
  body.writeUInt32LE(frame.length, 16)
  const flags = Buffer.alloc(4)
  flags.writeUInt32LE(INBOUND)
  const options = [option(OPTION.flags, flags), ...(comment === '' ? [] : [text(OPTION.comment, comment)])]
  return block(BLOCK.packet, [body, padded(frame), ...options, END])
}

/** At the end: how many frames came in at a port, and how many of them are not in the file. */
export function statisticsBlock(port: number, atMs: number, received: number, dropped: number): Buffer {
  const body = Buffer.alloc(12)
  body.writeUInt32LE(port, 0)
  writeTime(body, atMs, 4)
  const count = (code: number, value: number) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(BigInt(value))
    return option(code, bytes)
  }
  const options = [count(STATISTICS_OPTION.received, received), count(STATISTICS_OPTION.dropped, dropped)]
  return block(BLOCK.statistics, [body, ...options, END])
}

/** The high half comes first. */
function writeTime(body: Buffer, atMs: number, offset: number): void {
  const us = Math.round(atMs * 1000)
  body.writeUInt32LE(Math.floor(us / 2 ** 32), offset)
  body.writeUInt32LE(us % 2 ** 32, offset + 4)
}

function block(type: number, parts: readonly Buffer[]): Buffer {
  const length = 12 + parts.reduce((sum, part) => sum + part.length, 0)
  const bytes = Buffer.allocUnsafeSlow(length)
  bytes.writeUInt32LE(type, 0)
  bytes.writeUInt32LE(length, 4)
  let at = 8
  for (const part of parts) at += part.copy(bytes, at)
  bytes.writeUInt32LE(length, at)
  return bytes
}

const END = Buffer.alloc(4)

const text = (code: number, value: string) => option(code, Buffer.from(value))

function option(code: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(code, 0)
  head.writeUInt16LE(value.length, 2)
  return Buffer.concat([head, padded(value)])
}

function padded(bytes: Buffer): Buffer {
  const rest = bytes.length % 4
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - rest)])
}
