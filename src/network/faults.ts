/** The faults that are in force, the partition, and how many frames of each flow there have been. */
import {
  combine,
  concerns,
  concernsTraffic,
  type Fate,
  fateOf,
  flowSeed,
  isNamed,
  type Station,
  type Way,
} from './fault-decisions.ts'
import type { Fault } from './fault-schema.ts'

interface Applied {
  readonly fault: Fault
  /** By way and traffic. */
  readonly flows: Map<string, { readonly seed: number; next: number }>
}

export class Faults {
  readonly #applied = new Map<number, Applied>()
  #groups: readonly (readonly string[])[] = []
  /** What concerns a way, worked out once for each. */
  readonly #entries = new Map<string, readonly Applied[]>()

  /** Frames are counted from here on: what was sent before does not move the decisions. */
  add(id: number, fault: Fault): void {
    this.#applied.set(id, { fault, flows: new Map() })
    this.#entries.clear()
  }

  remove(id: number): void {
    this.#applied.delete(id)
    this.#entries.clear()
  }

  clear(): void {
    this.#applied.clear()
    this.#entries.clear()
    this.#groups = []
  }

  /** Each group reaches only its own members. Who is in no group is in one with all the others that are in none. */
  partition(groups: readonly (readonly string[])[]): void {
    this.#groups = groups
  }

  /** Whether the partition lies between the two. The network's own services are everywhere unless a group names them. */
  separates({ from, to }: { readonly from: Member; readonly to: Member }): boolean {
    if (this.#groups.length === 0) return false
    const [a, b] = [this.#groupOf(from), this.#groupOf(to)]
    if ((from.isService && a === -1) || (to.isService && b === -1)) return false
    return a !== b
  }

  #groupOf(station: Station): number {
    return this.#groups.findIndex((names) => names.some((name) => isNamed(name, station)))
  }

  /** Whether frames on this way may meet a fault. */
  concern(way: Way): boolean {
    return this.#on(way).length > 0
  }

  /** Decides on one frame, and counts it. */
  decide(way: Way, traffic: number): Fate {
    const fates = this.#on(way).flatMap(({ fault, flows }) => {
      if (!concernsTraffic(fault, traffic)) return []
      const key = `${way.from.name}\0${way.to.name}\0${traffic}`
      let flow = flows.get(key)
      if (flow === undefined) {
        flow = { seed: flowSeed(fault.seed, way, traffic), next: 0 }
        flows.set(key, flow)
      }
      return [fateOf(fault, flow.seed, flow.next++)]
    })
    return combine(fates)
  }

  #on(way: Way): readonly Applied[] {
    if (this.#applied.size === 0) return []
    const key = `${way.from.name}\0${way.to.name}`
    let entries = this.#entries.get(key)
    if (entries === undefined) {
      entries = [...this.#applied.values()].filter(({ fault }) => concerns(fault, way))
      this.#entries.set(key, entries)
    }
    return entries
  }
}

/** A station, and whether it is one of the network's own. */
export interface Member extends Station {
  readonly isService: boolean
}
