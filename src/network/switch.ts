/**
 * The switch: learns addresses, forwards frames, and lets faults happen to them. Frames that lie side by side in a chunk
 * and go to the same port are forwarded as one piece, without a copy.
 */
import { formatMac, isGroup, type Mac, readMac } from './addresses.ts'
import type { Clock } from './delay-line.ts'
import type { Fate } from './fault-decisions.ts'
import { Faults } from './faults.ts'
import { FaultyPath, newWay, type WaitingFrame, type WayCounters } from './faulty-path.ts'
import { ETHERNET_BYTES, OVERHEAD_BYTES, trafficOf } from './frame.ts'
import { LENGTH_BYTES } from './framing.ts'
import { LearningTable } from './learning-table.ts'
import type { NetworkEvent } from './network-event.ts'
import { copyOf, type Outlet } from './port.ts'
import { StormGuard } from './storm-guard.ts'

/** One frame, with what became of it. Reported once, when it comes in. */
export interface FrameRecord {
  readonly from: Outlet
  readonly to: readonly Outlet[]
  /** Without the length in front. Valid during the call only. */
  readonly frame: Buffer
  /** What happened to it, such as `lost on the way to server`. */
  readonly remarks: readonly string[]
}

export interface SwitchOptions {
  readonly mtu: number
  readonly clock: Clock
  readonly onEvent: (event: NetworkEvent) => void
  readonly onFrame: (record: FrameRecord) => void
}

/** Frames side by side that go to the same port. */
interface Run {
  readonly bytes: Buffer
  readonly from: Outlet
  readonly to: Outlet
  readonly start: number
  end: number
}

export class Switch {
  readonly faults = new Faults()
  readonly #options: SwitchOptions
  readonly #outlets: Outlet[] = []
  readonly #guards = new Map<Outlet, StormGuard>()
  readonly #ways = new Map<Outlet, Map<Outlet, WayCounters>>()
  readonly #table: LearningTable<Outlet>
  readonly #path: FaultyPath
  readonly #tooLong = new Set<Outlet>()
  #run: Run | undefined

  constructor(options: SwitchOptions) {
    this.#options = options
    const { clock, onEvent } = options
    this.#table = new LearningTable((mac, [a, b]) =>
      onEvent({ type: 'mac clash', mac: formatMac(mac), ports: [a.name, b.name] }),
    )
    this.#path = new FaultyPath(clock, () => this.endOfChunk())
  }

  add(outlet: Outlet, mac?: Mac): void {
    this.#outlets.push(outlet)
    const onStorm = (copies: number) => this.#options.onEvent({ type: 'storm', port: outlet.name, copies })
    this.#guards.set(outlet, new StormGuard(this.#options.clock, onStorm))
    if (mac !== undefined) this.#table.give(mac, outlet)
  }

  /** What is behind it is not known any more. */
  forget(outlet: Outlet): void {
    this.#table.forget(outlet)
  }

  get ways(): readonly WayCounters[] {
    return [...this.#ways.values()].flatMap((ways) => [...ways.values()])
  }

  close(): void {
    this.#path.close()
  }

  /** Frames that faults hold back. */
  waiting(): readonly WaitingFrame[] {
    return this.#path.waiting()
  }

  /** Continues the delay of a frame. */
  resume(frame: WaitingFrame): void {
    this.#path.resume(frame, this.#way(frame.from, frame.to))
  }

  /** A frame comes in: `bytes` from its length at `start` to `end`. */
  receive(from: Outlet, bytes: Buffer, start: number, end: number): void {
    const first = start + LENGTH_BYTES
    const length = end - first
    if (!from.isOpen || !this.#isFit(from, length)) return
    from.counters.received++
    from.counters.receivedBytes += length
    const [destination, source] = [readMac(bytes, first), readMac(bytes, first + 6)]
    this.#table.learn(source, from)
    const isForAll = isGroup(destination)
    if (isForAll && this.#guards.get(from)?.isCopy(bytes.subarray(first, end)) === true) {
      from.counters.refused++
      return
    }
    const known = isForAll ? undefined : this.#table.portOf(destination)
    // What is for the sender's own side needs no switch.
    const targets =
      known === undefined ? this.#outlets.filter((o) => o !== from) : known === from ? [] : [known]
    const remarks: string[] = []
    for (const to of targets) this.#forward(from, to, bytes, start, end, remarks)
    this.#options.onFrame({ from, to: targets, frame: bytes.subarray(first, end), remarks })
  }

  /** Flushes what was gathered. Call it after the last frame of a chunk. */
  endOfChunk(): void {
    // The gateway answers while it gets its frames: its answers are a run of their own.
    while (this.#run !== undefined) this.#endRun()
    for (const outlet of this.#outlets) outlet.flush()
  }

  #isFit(from: Outlet, length: number): boolean {
    const limitBytes = this.#options.mtu + OVERHEAD_BYTES
    if (length >= ETHERNET_BYTES && length <= limitBytes) return true
    from.counters.refused++
    if (length > limitBytes && !this.#tooLong.has(from)) {
      this.#tooLong.add(from)
      this.#options.onEvent({ type: 'frame too long', port: from.name, bytes: length, limitBytes })
    }
    return false
  }

  #forward(from: Outlet, to: Outlet, bytes: Buffer, start: number, end: number, remarks: string[]): void {
    const way = this.#way(from, to)
    way.frames++
    way.bytes += end - start - LENGTH_BYTES
    if (!to.isOpen || this.faults.separates({ from, to })) {
      way.blocked++
      remarks.push(`${to.isOpen ? 'partition' : 'no link'} on the way to ${to.name}`)
      return
    }
    if (this.faults.concern({ from, to })) {
      this.#endRun()
      const traffic = trafficOf(bytes.subarray(start + LENGTH_BYTES, end))
      const fate = this.faults.decide({ from, to }, traffic)
      remarks.push(...remarksOn(fate, to))
      this.#path.pass({ from, to, traffic, way }, fate, copyOf(bytes, start, end))
      return
    }
    const run = this.#run
    if (run !== undefined && run.bytes === bytes && run.end === start && run.to === to) {
      run.end = end
      return
    }
    this.#endRun()
    this.#run = { bytes, from, to, start, end }
  }

  #endRun(): void {
    const run = this.#run
    if (run === undefined) return
    this.#run = undefined
    run.to.send(run.bytes, run.start, run.end, run.from)
  }

  #way(from: Outlet, to: Outlet): WayCounters {
    let ways = this.#ways.get(from)
    if (ways === undefined) {
      ways = new Map()
      this.#ways.set(from, ways)
    }
    let way = ways.get(to)
    if (way === undefined) {
      way = newWay(from, to)
      ways.set(to, way)
    }
    return way
  }
}

function remarksOn(fate: Fate, to: Outlet): readonly string[] {
  const effects = [
    ...(fate.isLost ? ['lost'] : []),
    ...(fate.isLost || fate.corruptAt === undefined ? [] : ['corrupted']),
    ...(fate.isLost || !fate.isDuplicated ? [] : ['duplicated']),
    ...(fate.isLost || !fate.isReordered ? [] : ['reordered']),
    ...(fate.isLost || fate.delayMs === 0 ? [] : [`delayed ${fate.delayMs.toFixed(1)} ms`]),
  ]
  return effects.length === 0 ? [] : [`${effects.join(', ')} on the way to ${to.name}`]
}
