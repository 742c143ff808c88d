/** The way of a frame that meets faults: changed, doubled, delayed, held back. */
import { type Clock, DelayLine } from './delay-line.ts'
import type { Fate } from './fault-decisions.ts'
import { ETHERNET_BYTES } from './frame.ts'
import { LENGTH_BYTES } from './framing.ts'
import type { Outlet } from './port.ts'
import { ReorderBuffer } from './reorder-buffer.ts'

/** What went from one port to another. */
export interface WayCounters {
  readonly from: string
  readonly to: string
  /** Sent on this way, whatever became of them. */
  frames: number
  bytes: number
  lost: number
  duplicated: number
  reordered: number
  corrupted: number
  delayed: number
  /** Not passed: a partition, or a link that is down. */
  blocked: number
}

export function newWay(from: Outlet, to: Outlet): WayCounters {
  const nothing = { frames: 0, bytes: 0, lost: 0, duplicated: 0, reordered: 0, corrupted: 0, delayed: 0 }
  return { from: from.name, to: to.name, ...nothing, blocked: 0 }
}

interface Passage {
  readonly from: Outlet
  readonly to: Outlet
  readonly traffic: number
  readonly way: WayCounters
}

/** A frame that a fault holds back. */
export interface WaitingFrame {
  readonly from: Outlet
  readonly to: Outlet
  readonly bytes: Buffer
  /** What is left of its delay. */
  readonly afterMs: number
}

/** The same, with the time at which it is due; undefined for one that waits for the next frame of its flow. */
interface Waiting extends Omit<WaitingFrame, 'afterMs'> {
  readonly due: number | undefined
}

export class FaultyPath {
  readonly #clock: Clock
  readonly #line: DelayLine
  readonly #held: ReorderBuffer
  /** When the last frame on a way was or will be delivered: delays keep the order. */
  readonly #lastDue = new Map<WayCounters, number>()
  /** When a way with a limited rate is free again. */
  readonly #freeAt = new Map<WayCounters, number>()
  /** What has not been delivered, in the order in which it came. */
  readonly #waiting = new Set<Waiting>()

  constructor(clock: Clock, onDelivered: () => void) {
    this.#clock = clock
    this.#line = new DelayLine(clock, onDelivered)
    this.#held = new ReorderBuffer(clock, onDelivered)
  }

  /** `bytes` is one frame in memory of its own, with its length in front. */
  pass(passage: Passage, fate: Fate, bytes: Buffer): void {
    const { from, to, traffic, way } = passage
    if (fate.isLost) {
      way.lost++
      return
    }
    if (fate.corruptAt !== undefined && flipBit(bytes, fate.corruptAt)) way.corrupted++
    if (fate.isDuplicated) way.duplicated++
    if (fate.isReordered) way.reordered++
    if (fate.delayMs > 0) way.delayed++
    const flow = `${from.name}\0${to.name}\0${traffic}`
    const deliver = () => {
      this.#deliver(passage, fate, bytes)
      if (fate.isDuplicated) this.#deliver(passage, fate, bytes)
    }
    if (fate.isReordered) {
      const waiting = { from, to, bytes, due: undefined }
      const all = fate.isDuplicated ? [waiting, { ...waiting }] : [waiting]
      for (const one of all) this.#waiting.add(one)
      this.#held.hold(flow, () => {
        for (const one of all) this.#waiting.delete(one)
        deliver()
      })
      return
    }
    deliver()
    this.#held.release(flow)
  }

  /** What has not been delivered, in the order in which it would be. */
  waiting(): readonly WaitingFrame[] {
    const now = this.#clock.now()
    return [...this.#waiting]
      .map(({ due = now, ...frame }) => ({ ...frame, afterMs: Math.max(0, due - now) }))
      .toSorted((a, b) => a.afterMs - b.afterMs)
  }

  /** Continues the delay of a frame of another switch. */
  resume({ from, to, bytes, afterMs }: WaitingFrame, way: WayCounters): void {
    const due = Math.max(this.#clock.now() + afterMs, this.#lastDue.get(way) ?? 0)
    if (to.reserve(bytes.length)) this.#deliverAt(due, { from, to, bytes, way })
  }

  close(): void {
    this.#line.close()
    this.#held.close()
  }

  #deliver({ from, to, way }: Passage, { rate, delayMs }: Fate, bytes: Buffer): void {
    const now = this.#clock.now()
    const begins = rate === undefined ? now : Math.max(now, this.#freeAt.get(way) ?? 0)
    const ends = rate === undefined ? now : begins + (8000 * (bytes.length - LENGTH_BYTES)) / rate
    const due = Math.max(ends + delayMs, this.#lastDue.get(way) ?? 0)
    if (due <= now) {
      to.send(bytes, 0, bytes.length, from)
      return
    }
    if (!to.reserve(bytes.length)) return
    if (rate !== undefined) this.#freeAt.set(way, ends)
    this.#deliverAt(due, { from, to, bytes, way })
  }

  /** Room for it was reserved. */
  #deliverAt(
    due: number,
    { from, to, bytes, way }: Omit<Waiting, 'due'> & { readonly way: WayCounters },
  ): void {
    const waiting = { from, to, bytes, due }
    this.#waiting.add(waiting)
    this.#lastDue.set(way, due)
    this.#line.add(due, () => {
      this.#waiting.delete(waiting)
      to.release(bytes.length)
      to.send(bytes, 0, bytes.length, from)
    })
  }
}

/** Flips one bit behind the Ethernet header, so that the frame still arrives. False where there is nothing behind it. */
function flipBit(bytes: Buffer, place: number): boolean {
  const first = LENGTH_BYTES + ETHERNET_BYTES
  const bit = Math.floor(place * 8 * (bytes.length - first))
  const at = first + (bit >> 3)
  if (at >= bytes.length) return false
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (bit & 7)), at)
  return true
}
