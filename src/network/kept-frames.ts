/** Frames on the way between guests that are paused: kept with the guests, and delivered to their forks. */
import { LENGTH_BYTES } from './framing.ts'

export interface KeptFrame {
  /** Port that it goes to. */
  readonly to: string
  /** Port that it came from, where a fault delays it. */
  readonly from?: string
  /** What is left of its delay. */
  readonly afterMs: number
  /** With its length in front. */
  readonly bytes: Uint8Array
}

/** The frames in a piece that holds whole ones, each with its length in front. */
export function eachFrame(bytes: Buffer): readonly Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + LENGTH_BYTES + bytes.readUInt32BE(at)
    frames.push(bytes.subarray(at, end))
    at = end
  }
  return frames
}
