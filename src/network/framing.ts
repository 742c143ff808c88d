/**
 * Frames in a stream, as QEMU's `-netdev stream` writes them: a length of 4 bytes, big-endian, and the frame without its
 * check sum. A chunk holds many frames, or part of one, or part of a length.
 */

export const LENGTH_BYTES = 4

/** QEMU ends the link at a longer one (NET_BUFSIZE, 4096 + 65536). */
export const LONGEST_FRAME = 69_632

/** Called with whole frames: `bytes` from `start`, where the length is, to `end`. They must not be changed. */
export type FrameSink = (bytes: Buffer, start: number, end: number) => void

/** Finds whole frames in the chunks of one stream. The writer is not trusted. */
export class FrameReader {
  readonly #sink: FrameSink
  /** The frame that has begun and is not whole, with its length in front. */
  #partial: Buffer | undefined
  readonly #length = Buffer.alloc(LENGTH_BYTES)
  /** How much of the partial frame, or of its length, is there. */
  #have = 0

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** What is wrong with the stream. It cannot be used from there on: where the next frame begins is unknown. */
  push(chunk: Buffer): string | undefined {
    let at = 0
    while (at < chunk.length) {
      if (this.#partial !== undefined || this.#have > 0) {
        const rest = this.#resume(chunk, at)
        if (typeof rest === 'string') return rest
        at = rest
        continue
      }
      const left = chunk.length - at
      if (left < LENGTH_BYTES) {
        chunk.copy(this.#length, 0, at)
        this.#have = left
        return undefined
      }
      const size = chunk.readUInt32BE(at)
      const problem = lengthProblem(size)
      if (problem !== undefined) return problem
      const end = at + LENGTH_BYTES + size
      if (end <= chunk.length) this.#sink(chunk, at, end)
      else this.#begin(chunk.subarray(at), size)
      at = end
    }
    return undefined
  }

  /** Continues what an earlier chunk has begun; returns where the chunk goes on. */
  #resume(chunk: Buffer, at: number): number | string {
    if (this.#partial === undefined) {
      const copied = chunk.copy(this.#length, this.#have, at)
      this.#have += copied
      if (this.#have < LENGTH_BYTES) return at + copied
      const size = this.#length.readUInt32BE(0)
      const problem = lengthProblem(size)
      if (problem !== undefined) return problem
      this.#begin(this.#length, size)
      return at + copied
    }
    const copied = chunk.copy(this.#partial, this.#have, at)
    this.#have += copied
    if (this.#have === this.#partial.length) {
      const whole = this.#partial
      this.#partial = undefined
      this.#have = 0
      this.#sink(whole, 0, whole.length)
    }
    return at + copied
  }

  /** Room for the whole frame at once: a stream of single bytes costs no more than one of chunks. */
  #begin(beginning: Buffer, size: number): void {
    this.#partial = Buffer.allocUnsafe(LENGTH_BYTES + size)
    this.#have = beginning.copy(this.#partial)
  }
}

function lengthProblem(size: number): string | undefined {
  if (size === 0) return 'a frame of 0 bytes'
  return size > LONGEST_FRAME ? `a frame of ${size} bytes, of which ${LONGEST_FRAME} are allowed` : undefined
}

/** The frame with its length in front. */
export function framed(frame: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + frame.length)
  bytes.writeUInt32BE(frame.length, 0)
  frame.copy(bytes, LENGTH_BYTES)
  return bytes
}

/**
 * The frames in a piece that holds whole ones, each with its length in front.
 *
 * @throws Error if the piece holds anything else
 */
export function framesIn(bytes: Buffer): readonly Buffer[] {
  const frames: Buffer[] = []
  const reader = new FrameReader((piece, start, end) => frames.push(piece.subarray(start, end)))
  const problem = reader.push(bytes)
  const read = frames.reduce((sum, frame) => sum + frame.length, 0)
  if (problem !== undefined || read !== bytes.length)
    throw new Error(`not whole frames: ${problem ?? 'the last one is cut off'}`)
  return frames
}
