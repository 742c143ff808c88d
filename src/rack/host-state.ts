/** What is left of this computer while guests are placed on it. Copies are cheap: a guest that finds no place gives all back. */
import type { HostRoom, HostTopology } from '../machine/host-topology.ts'

/** A core, known by identity. */
export interface Core {
  readonly node: number
  readonly cpus: readonly number[]
}

export class HostState {
  readonly rooms: readonly HostRoom[]
  readonly cores: readonly Core[]
  readonly #owners: Map<Core, string>
  readonly #free: Map<number, number>
  readonly #pages: Map<string, number>
  /** CPUs of guests that share cores, by node. */
  readonly #load: Map<number, number>

  constructor({ nodes }: Pick<HostTopology, 'nodes'>, from?: HostState) {
    this.rooms = nodes
    this.cores = from?.cores ?? nodes.flatMap(({ node, cores }) => cores.map((cpus) => ({ node, cpus })))
    this.#owners = new Map(from ? from.#owners : [])
    this.#load = new Map(from ? from.#load : [])
    this.#free = new Map(from ? from.#free : nodes.map(({ node, availableBytes }) => [node, availableBytes]))
    const pages = nodes.flatMap(({ node, hugePages }) =>
      hugePages.map(({ bytes, free }) => [`${node}/${bytes}`, free] as const),
    )
    this.#pages = new Map(from ? from.#pages : pages)
  }

  copy(): HostState {
    return new HostState({ nodes: this.rooms }, this)
  }

  ownerOf(core: Core): string | undefined {
    return this.#owners.get(core)
  }

  own(cores: readonly Core[], guest: string): void {
    for (const core of cores) this.#owners.set(core, guest)
  }

  loadOf(node: number): number {
    return this.#load.get(node) ?? 0
  }

  addLoad(nodes: readonly number[], cpus: number): void {
    for (const node of nodes) this.#load.set(node, this.loadOf(node) + cpus / nodes.length)
  }

  /** Bytes that are left on a node: in pages of that size, or of its other memory. */
  bytesLeft(node: number, pageBytes?: number): number {
    if (pageBytes === undefined) return this.#free.get(node) ?? 0
    return (this.#pages.get(`${node}/${pageBytes}`) ?? 0) * pageBytes
  }

  /** Takes memory from the nodes, the first one first. Returns whether there was enough; else nothing is taken. */
  takeBytes(nodes: readonly number[], bytes: number, pageBytes?: number): boolean {
    const left = nodes.reduce((sum, node) => sum + this.bytesLeft(node, pageBytes), 0)
    if (bytes > left) return false
    let rest = bytes
    for (const node of nodes) {
      const part = Math.min(rest, this.bytesLeft(node, pageBytes))
      if (pageBytes === undefined) this.#free.set(node, this.bytesLeft(node) - part)
      else
        this.#pages.set(
          `${node}/${pageBytes}`,
          Math.floor((this.bytesLeft(node, pageBytes) - part) / pageBytes),
        )
      rest -= part
    }
    return true
  }

  /** The nodes themselves where they have memory, else the nearest ones that have. */
  memoryNodesOf(nodes: readonly number[]): readonly number[] {
    const hasMemory = (node: number) => (this.rooms.find((room) => room.node === node)?.totalBytes ?? 0) > 0
    const near = nodes.flatMap((node) => (hasMemory(node) ? [node] : this.nearest(node, hasMemory)))
    return [...new Set(near)].sort((a, b) => a - b)
  }

  /** The nearest node that fits; none where no node does. */
  nearest(node: number, fits: (node: number) => boolean): readonly number[] {
    const distances = this.rooms.find((room) => room.node === node)?.distances ?? {}
    const far = (other: number) => distances[other] ?? Number.POSITIVE_INFINITY
    const [best] = this.rooms
      .map((room) => room.node)
      .filter(fits)
      .toSorted((a, b) => far(a) - far(b))
    return best === undefined ? [] : [best]
  }
}
