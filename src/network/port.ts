/** One plug of the switch: a stream to a QEMU, what waits for it, and what went through. */
import type { Duplex } from 'node:stream'
import type { Station } from './fault-decisions.ts'
import { FrameReader, type FrameSink, framed, LENGTH_BYTES } from './framing.ts'

export interface PortCounters {
  /** From the guest. */
  received: number
  receivedBytes: number
  /** To the guest. */
  sent: number
  sentBytes: number
  /** Frames that did not fit into what may wait for the guest. */
  overflowed: number
  /** Frames from the guest that were too short, too long, or copies of a storm. */
  refused: number
}

/** Where frames go: a guest's plug, or the services of the network. */
export interface Outlet extends Station {
  readonly isService: boolean
  readonly counters: PortCounters
  /** Whether frames pass. */
  readonly isOpen: boolean
  /** Frames that lie one behind the other in `bytes`, each with its length in front. */
  send(bytes: Buffer, start: number, end: number, from: Outlet): void
  /** Flushes what `send` has gathered. */
  flush(): void
  /** Room for a frame that will be sent later. Without room it is dropped, and false. */
  reserve(bytes: number): boolean
  /** That frame is sent now. */
  release(bytes: number): void
}

export const newCounters = (): PortCounters => ({
  received: 0,
  receivedBytes: 0,
  sent: 0,
  sentBytes: 0,
  overflowed: 0,
  refused: 0,
})

export interface PortEvents {
  readonly onFrame: FrameSink
  /** All frames of a chunk have been reported. */
  readonly onChunkEnd: () => void
  readonly onFull: () => void
  readonly onDrained: (dropped: number) => void
  readonly onBroken: (problem: string) => void
  readonly onClosed: () => void
}

export interface PortOptions extends Station {
  readonly stream: Duplex
  /** What may wait for the guest. */
  readonly queueBytes: number
  readonly events: PortEvents
}

/** So much may wait in parts of chunks. */
const FEW_BYTES = 4096

/** To an address of no card, of a type for experiments (IEEE 802): only a guest that takes all frames sees it. */
const PROBE = framed(Buffer.from(`0200000000010200000000ff88b6${'00'.repeat(46)}`, 'hex'))

/** In memory of its own: small buffers of Node share theirs, which is kept as long as one of them is. */
export function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start)
  bytes.copy(copy, 0, start, end)
  return copy
}

export class Port implements Outlet {
  readonly name: string
  readonly guest: string
  readonly isService = false
  readonly counters = newCounters()
  readonly #stream: Duplex
  readonly #queueBytes: number
  readonly #events: PortEvents
  /** Bytes that wait elsewhere for this port: delayed ones. */
  #delayedBytes = 0
  #isAttached = false
  #isUp = true
  #isDead = false
  #isCorked = false
  #droppedSinceFull = 0
  /** What is kept back. */
  #held: Buffer[] | undefined
  #heldBytes = 0

  constructor({ name, guest, stream, queueBytes, events }: PortOptions) {
    this.name = name
    this.guest = guest
    this.#stream = stream
    this.#queueBytes = queueBytes
    this.#events = events
    const reader = new FrameReader(events.onFrame)
    stream.on('data', (chunk: Buffer) => {
      // Read all the same: a QEMU whose frames are not taken stops sending, and a guest waits.
      if (this.#isDead) return
      const problem = reader.push(chunk)
      events.onChunkEnd()
      if (problem === undefined) return
      this.#isDead = true
      events.onBroken(problem)
    })
    stream.on('drain', () => this.#drained())
    // A QEMU that has gone breaks the stream; `close` reports it.
    stream.on('error', () => {})
    stream.on('close', () => {
      this.#isDead = true
      events.onClosed()
    })
  }

  get isOpen(): boolean {
    return this.#isAttached && this.#isUp && !this.#isDead
  }

  /** Before, this end of the stream may still belong to the process that starts QEMU. */
  attach(): void {
    this.#isAttached = true
  }

  set isUp(isUp: boolean) {
    this.#isUp = isUp
  }

  /** Bytes that wait for the guest. */
  get waitingBytes(): number {
    return this.#stream.writableLength + this.#delayedBytes + this.#heldBytes
  }

  /** Bytes that were sent, and wait for room in the socket. */
  get unsentBytes(): number {
    return this.#stream.writableLength
  }

  /** Sends a frame that no card hands on to its guest, past what is kept back. */
  probe(): void {
    if (this.isOpen) this.#stream.write(PROBE)
  }

  /** Keeps frames back, as many as may wait for the guest. */
  hold(): void {
    this.#held ??= []
  }

  /** Whole frames, in their order. */
  get held(): readonly Buffer[] {
    return this.#held ?? []
  }

  /** Sends what was kept back. */
  letGo(): void {
    const held = this.#held ?? []
    this.#held = undefined
    this.#heldBytes = 0
    for (const bytes of held) this.#write(bytes, 0, bytes.length)
    this.flush()
  }

  reserve(bytes: number): boolean {
    if (this.waitingBytes + bytes > this.#queueBytes) {
      this.#overflow()
      return false
    }
    this.#delayedBytes += bytes
    return true
  }

  release(bytes: number): void {
    this.#delayedBytes -= bytes
    this.#drained()
  }

  send(bytes: Buffer, start: number, end: number): void {
    if (!this.isOpen) return
    let at = start
    // Whole frames only: a part of one would make QEMU take the next ones for its rest.
    if (this.waitingBytes + end - start > this.#queueBytes) {
      for (at = start; at < end; ) {
        const next = at + LENGTH_BYTES + bytes.readUInt32BE(at)
        if (this.waitingBytes + next - start > this.#queueBytes) break
        at = next
      }
      this.#write(bytes, start, at)
      for (; at < end; at += LENGTH_BYTES + bytes.readUInt32BE(at)) this.#overflow()
      return
    }
    this.#write(bytes, start, end)
  }

  flush(): void {
    if (!this.#isCorked) return
    this.#isCorked = false
    this.#stream.uncork()
  }

  #write(bytes: Buffer, start: number, end: number): void {
    if (end === start) return
    if (this.#held !== undefined) {
      this.#held.push(copyOf(bytes, start, end))
      this.#heldBytes += end - start
      return
    }
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#stream.cork()
    }
    for (let at = start; at < end; ) {
      const length = bytes.readUInt32BE(at)
      this.counters.sent++
      this.counters.sentBytes += length
      at += LENGTH_BYTES + length
    }
    // A short part would keep all of a long chunk in memory for as long as it waits.
    const isDear = this.waitingBytes > FEW_BYTES && 2 * (end - start) < bytes.buffer.byteLength
    this.#stream.write(isDear ? copyOf(bytes, start, end) : bytes.subarray(start, end))
  }

  #overflow(): void {
    this.counters.overflowed++
    if (this.#droppedSinceFull++ === 0) this.#events.onFull()
  }

  #drained(): void {
    if (this.#droppedSinceFull === 0 || this.waitingBytes > this.#queueBytes / 2) return
    const dropped = this.#droppedSinceFull
    this.#droppedSinceFull = 0
    this.#events.onDrained(dropped)
  }
}
