/**
 * A migration stream made of the RAM of one and the devices of another (migration/savevm.c, migration/ram.c,
 * docs/devel/migration.rst). The stream of a guest whose RAM is in shared files contains small blocks besides: firmware,
 * option ROMs and ACPI tables, which a guest cannot write. A guest restored from it has them unchanged until it is reset.
 */

/** Types of sections. */
const SECTION = { start: 1, part: 2, end: 3, subsection: 5, configuration: 7, footer: 0x7e }

/** Flags in the low bits of an address (migration/ram.c). */
const RAM = { zero: 0x02n, sizes: 0x04n, page: 0x08n, end: 0x10n, sameBlock: 0x20n }

/** Magic number and version. */
const HEADER = Buffer.from([0x51, 0x45, 0x56, 0x4d, 0, 0, 0, 3])
const PAGE = 4096

/** Blocks that no guest of the supported machines can write. */
const READ_ONLY = /^(?:pc\.bios|pc\.rom|\/rom@etc\/(?:acpi\/(?:tables|rsdp)|table-loader)|.*\.rom)$/

/** A stream that is laid out in another way. */
export class UnknownStream extends Error {}

/**
 * The part of a stream that precedes the devices.
 *
 * @param stream with capability x-ignore-shared
 * @param inFiles ids of the blocks whose content is in files
 * @throws UnknownStream if it contains other blocks that a guest can write
 */
export function ramPart(stream: Buffer, inFiles: ReadonlySet<string>): Buffer {
  return stream.subarray(0, endOfRam(stream, inFiles))
}

/**
 * The stream of a guest that was restored.
 *
 * @param ram `ramPart` of the stream that it was restored from
 * @param devices as written by xen-save-devices-state
 */
export function withDevices(ram: Buffer, devices: Buffer): Buffer {
  if (!devices.subarray(0, HEADER.length).equals(HEADER)) throw new UnknownStream('no stream of devices')
  return Buffer.concat([ram, devices.subarray(HEADER.length)])
}

/** A block of memory in the list of a stream. */
export interface ListedBlock {
  /** Id of its backend. Memory of a device is called by the place of the device and by its backend. */
  readonly backend: string
  readonly name: string
  readonly bytes: number
  /** Where the stream has its address. */
  readonly addressAt: number
}

/**
 * The blocks of memory that a stream lists, whether it contains them or not.
 *
 * @param head of the stream, with capability x-ignore-shared
 */
export function listedBlocks(head: Buffer): readonly ListedBlock[] {
  const at = new Reader(head)
  begin(at)
  if (at.byte() !== SECTION.start) throw new UnknownStream('no RAM comes first')
  startOfRam(at)
  const word = at.long()
  const flags = word & BigInt(PAGE - 1)
  if (flags !== RAM.sizes) throw new UnknownStream('no list of blocks')
  return blocksIn(at, word - flags)
}

/** Where the sections of RAM end: before the first device. */
function endOfRam(stream: Buffer, inFiles: ReadonlySet<string>): number {
  const at = new Reader(stream)
  begin(at)
  for (;;) {
    const type = at.peek()
    if (type !== SECTION.start && type !== SECTION.part && type !== SECTION.end) return at.position
    at.byte()
    if (type === SECTION.start) startOfRam(at)
    else at.word()
    ramSection(at, inFiles)
    if (at.peek() === SECTION.footer) at.bytes(5)
  }
}

function begin(at: Reader): void {
  if (!at.bytes(HEADER.length).equals(HEADER)) throw new UnknownStream('no stream')
  if (at.peek() === SECTION.configuration) configuration(at)
}

/** Number, name, instance and version of the section. */
function startOfRam(at: Reader): void {
  at.word()
  const name = at.text()
  if (name !== 'ram') throw new UnknownStream(`a section ${name}`)
  at.word()
  at.word()
}

function configuration(at: Reader): void {
  at.byte()
  at.bytes(at.word())
  while (at.peek() === SECTION.subsection) {
    at.byte()
    const name = at.text()
    if (name !== 'configuration/capabilities') throw new UnknownStream(`a subsection ${name}`)
    at.word()
    for (let left = at.word(); left > 0; left--) at.text()
  }
}

function ramSection(at: Reader, inFiles: ReadonlySet<string>): void {
  for (;;) {
    const word = at.long()
    const flags = word & BigInt(PAGE - 1)
    if (flags === RAM.end) return
    if (flags === RAM.sizes) {
      for (const { name, backend } of blocksIn(at, word - flags))
        if (!inFiles.has(backend) && !READ_ONLY.test(name)) throw new UnknownStream(`a block ${name}`)
      continue
    }
    if ((flags & RAM.sameBlock) === 0n) at.text()
    const kind = flags & ~RAM.sameBlock
    if (kind === RAM.zero) at.byte()
    else if (kind === RAM.page) at.bytes(PAGE)
    else throw new UnknownStream(`pages of kind ${kind}`)
  }
}

function blocksIn(at: Reader, total: bigint): readonly ListedBlock[] {
  const found: ListedBlock[] = []
  for (let left = total; left > 0n; ) {
    const name = at.text()
    const bytes = at.long()
    left -= bytes
    const backend = name.slice(name.lastIndexOf('/') + 1)
    found.push({ name, backend, bytes: Number(bytes), addressAt: at.position })
    at.long()
  }
  return found
}

class Reader {
  position = 0
  readonly #stream: Buffer

  constructor(stream: Buffer) {
    this.#stream = stream
  }

  peek(): number {
    return this.#stream[this.position] ?? 0
  }

  bytes(count: number): Buffer {
    if (this.position + count > this.#stream.length) throw new UnknownStream('it ends early')
    this.position += count
    return this.#stream.subarray(this.position - count, this.position)
  }

  byte(): number {
    return this.bytes(1).readUInt8()
  }

  word(): number {
    return this.bytes(4).readUInt32BE()
  }

  long(): bigint {
    return this.bytes(8).readBigUInt64BE()
  }

  /** A length in one byte, then as many bytes. */
  text(): string {
    return this.bytes(this.byte()).toString('latin1')
  }
}
