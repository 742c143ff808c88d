/** What a program sees of a network that runs. */
import type { Duplex } from 'node:stream'
import type { FaultInput } from './fault-schema.ts'
import type { WayCounters } from './faulty-path.ts'
import type { TrafficName } from './frame.ts'
import type { KeptFrame } from './kept-frames.ts'
import type { NetworkPlan } from './network-plan.ts'
import type { PortCounters } from './port.ts'

/** One frame as it came in, with what became of it. */
export interface NetworkFrame {
  /** Milliseconds since 1970. */
  readonly atMs: number
  /** The port that sent it. */
  readonly from: string
  /** The ports that it was meant for. */
  readonly to: readonly string[]
  /** What it carries, the most general name first: `['ipv4', 'tcp']`. */
  readonly traffic: readonly TrafficName[]
  /** What happened to it: `lost on the way to server`. Empty for a frame that was just forwarded. */
  readonly remarks: readonly string[]
  /** From the Ethernet header on, without the check sum. */
  readonly data: Buffer
}

export interface FrameFilter {
  /** Only frames of this guest. */
  readonly from?: string
  /** Only frames to this guest. */
  readonly to?: string
  readonly traffic?: TrafficName
}

export interface NetworkStats {
  /** By port. */
  readonly ports: Readonly<Record<string, Readonly<PortCounters> & { readonly waitingBytes: number }>>
  /** By sender and receiver, where anything was sent. */
  readonly ways: readonly Readonly<WayCounters>[]
}

/** A fault in force. Disposing of it takes it back. */
export interface AppliedFault extends AsyncDisposable {
  /** Frames meet it no more. */
  clear(): Promise<void>
}

/**
 * A network that runs. Disposing of it ends its switch; a guest that is still there then has a cable without an end.
 *
 * @example
 * await network.partition(['client'], ['server'])
 * await network.heal()
 */
export interface RunningNetwork extends AsyncDisposable {
  readonly plan: NetworkPlan
  /** Of the switch, a process of its own. */
  readonly pid: number
  /** Where its frames are written, if they are. Complete once the network has ended. */
  readonly captureFile?: string
  /** What is wrong with the switch once it has ended by itself; undefined once the network was ended. */
  readonly ended: Promise<string | undefined>
  /** The end of a port, to be given to one QEMU: an entry of `stdio` for `spawn`, which gets it as that descriptor. */
  attach(port: string): Duplex
  /** Call it once that QEMU was spawned: this process closes its copy, and frames begin to pass. */
  release(port: string): Promise<void>
  /**
   * From now on frames meet this fault, beside those in force.
   *
   * @throws BringupError NETWORK_FAULT_INVALID, NETWORK_GUEST_UNKNOWN
   * @example
   * await using loss = await network.fault({ loss: 0.1, seed: 7, between: ['client', 'server'] })
   */
  fault(fault: FaultInput): Promise<AppliedFault>
  /**
   * Groups of guests that no longer reach each other. Guests in no group form one more. Replaces an earlier partition.
   *
   * @throws BringupError NETWORK_GUEST_UNKNOWN
   */
  partition(...groups: readonly (readonly string[])[]): Promise<void>
  /** Takes back all faults and the partition. Links that are down stay down. */
  heal(): Promise<void>
  /** Whether frames pass a guest's port. The guest does not notice: its card keeps its carrier. */
  link(guest: string, state: 'up' | 'down'): Promise<void>
  /** The last frames, at most 8,192 or 16 MiB of them; a capture has all. */
  frames(filter?: FrameFilter): Promise<readonly NetworkFrame[]>
  stats(): Promise<NetworkStats>
  /**
   * What differs from its plan, as clauses: faults, partitions and links that were set while it ran.
   *
   * @internal
   */
  readonly changes: readonly string[]
  /** Keeps back what goes to its guests, until `letGo`. Frames beyond the queue of a port are dropped. @internal */
  hold(): Promise<void>
  /**
   * Bytes that each port has sent and that its guest has not taken, by the name of the port.
   *
   * @throws Error where this computer does not tell
   * @internal
   */
  backlog(): Promise<ReadonlyMap<string, number>>
  /** Sends a port a frame that its guest does not see, also between `hold` and `letGo`. @internal */
  probe(port: string): Promise<void>
  /** What is on the way to its guests, which are paused. @internal */
  held(): Promise<readonly KeptFrame[]>
  /** @internal */
  letGo(): Promise<void>
}
