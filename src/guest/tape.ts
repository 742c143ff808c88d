/** Bytes of a stream, kept from a position on: written at the end, read anywhere, forgotten at the start. */

const SLAB_BYTES = 64 * 1024
/** Chunks from this size on are kept as they are; smaller ones are copied together, for each Buffer has a price. */
const LARGE_BYTES = 16 * 1024

interface Slab {
  /** Position of its first byte in the stream. */
  readonly start: number
  readonly bytes: Buffer
  /** How many of them are written. */
  used: number
}

/** Positions count the bytes of the stream from its start. */
export class Tape {
  #slabs: Slab[] = []
  #end = 0

  /** Where the next byte will lie. */
  get end(): number {
    return this.#end
  }

  /** Keeps a chunk, which must not be changed afterwards. */
  append(chunk: Buffer): void {
    const open = this.#slabs.at(-1)
    const fits = open !== undefined && open.bytes.length - open.used >= chunk.length
    if (fits) open.used += chunk.copy(open.bytes, open.used)
    else if (chunk.length >= LARGE_BYTES)
      this.#slabs.push({ start: this.#end, bytes: chunk, used: chunk.length })
    else {
      const bytes = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#slabs.push({ start: this.#end, bytes, used: chunk.copy(bytes) })
    }
    this.#end += chunk.length
  }

  /** The bytes from one position up to another, as far as they are kept. */
  read(from: number, to: number = this.#end): Buffer {
    const parts: Buffer[] = []
    // What is asked for lies at the end, nearly always.
    for (let index = this.#slabs.length - 1; index >= 0; index--) {
      const slab = this.#slabs[index]
      if (!slab || slab.start + slab.used <= from) break
      if (slab.start < to)
        parts.unshift(
          slab.bytes.subarray(Math.max(0, from - slab.start), Math.min(slab.used, to - slab.start)),
        )
    }
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)
  }

  /** Lets go what is before a position, by whole slabs. */
  forget(before: number): void {
    const isOld = (slab: Slab | undefined) => slab !== undefined && slab.start + slab.used <= before
    while (this.#slabs.length > 1 && isOld(this.#slabs[0])) this.#slabs.shift()
  }
}
