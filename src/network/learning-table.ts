/** Which MAC address is behind which port. */
import { isGroup, type Mac } from './addresses.ts'

/** A guest that makes up addresses must not push out those of others. */
const MOST_OF_A_PORT = 1024

/** An address that moves to and fro so often belongs to two guests: one that moves for good does so once. */
const CLASH_MOVES = 3

interface Place<Port> {
  port: Port
  moves: number
}

export class LearningTable<Port> {
  readonly #onClash: (mac: Mac, ports: readonly [Port, Port]) => void
  /** Addresses that the plan has given to a port never move. */
  readonly #given = new Map<Mac, Port>()
  readonly #learnt = new Map<Mac, Place<Port>>()
  readonly #counts = new Map<Port, number>()
  /** Pairs of address and port that were reported. */
  readonly #reported = new Map<Mac, Set<Port>>()

  constructor(onClash: (mac: Mac, ports: readonly [Port, Port]) => void) {
    this.#onClash = onClash
  }

  give(mac: Mac, port: Port): void {
    this.#given.set(mac, port)
  }

  portOf(mac: Mac): Port | undefined {
    return this.#given.get(mac) ?? this.#learnt.get(mac)?.port
  }

  /** A frame with this source came from this port. */
  learn(mac: Mac, port: Port): void {
    const owner = this.#given.get(mac)
    if (owner === port) return
    if (owner !== undefined) {
      this.#report(mac, owner, port)
      return
    }
    const place = this.#learnt.get(mac)
    if (place?.port === port) return
    if (place === undefined) {
      const count = this.#counts.get(port) ?? 0
      if (count >= MOST_OF_A_PORT || isGroup(mac)) return
      this.#counts.set(port, count + 1)
      this.#learnt.set(mac, { port, moves: 0 })
      return
    }
    this.#counts.set(place.port, (this.#counts.get(place.port) ?? 1) - 1)
    this.#counts.set(port, (this.#counts.get(port) ?? 0) + 1)
    if (++place.moves >= CLASH_MOVES) this.#report(mac, place.port, port)
    place.port = port
  }

  /** What is behind a port that has closed is unknown. */
  forget(port: Port): void {
    for (const [mac, place] of this.#learnt) if (place.port === port) this.#learnt.delete(mac)
    this.#counts.delete(port)
  }

  /** Once for each address and each pair. */
  #report(mac: Mac, one: Port, other: Port): void {
    const reported = this.#reported.get(mac) ?? new Set()
    if (reported.has(one) && reported.has(other)) return
    if (this.#reported.size < MOST_OF_A_PORT) this.#reported.set(mac, reported.add(one).add(other))
    this.#onClash(mac, [one, other])
  }
}
