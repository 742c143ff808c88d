/** Messages between the process that started the network and the process of the switch. */
import type { Fault } from './fault-schema.ts'
import type { KeptFrame } from './kept-frames.ts'
import type { NetworkEvent } from './network-event.ts'
import type { NetworkPlan } from './network-plan.ts'
import type { FrameFilter, NetworkFrame, NetworkStats } from './running-network.ts'

/** Names were checked before. */
export interface SwitchCalls {
  /** The port's other end belongs to a QEMU now. */
  attach(port: string): void
  addFault(id: number, fault: Fault): void
  removeFault(id: number): void
  partition(groups: readonly (readonly string[])[]): void
  heal(): void
  link(guest: string, isUp: boolean): void
  frames(filter: FrameFilter): readonly NetworkFrame[]
  stats(): NetworkStats
  /** Keeps back what goes to guests. */
  hold(): void
  /** Sends a port a frame that its guest does not see. */
  probe(port: string): void
  /** Bytes that each port has sent and that wait for room, in the order of the plan. */
  unsent(): readonly number[]
  /** What is on the way to guests that are paused. */
  held(): Promise<readonly KeptFrame[]>
  letGo(): void
  /** Ends the capture. */
  close(): Promise<void>
}

export type ToSwitch =
  | {
      readonly kind: 'start'
      readonly plan: NetworkPlan
      readonly captureFile?: string
      readonly kept?: readonly KeptFrame[]
      readonly firstFd: number
    }
  | {
      readonly kind: 'call'
      readonly id: number
      readonly method: keyof SwitchCalls
      readonly args: readonly unknown[]
    }

export type FromSwitch =
  | { readonly kind: 'started' }
  | { readonly kind: 'not-started'; readonly problem: string }
  | { readonly kind: 'answer'; readonly id: number; readonly value?: unknown; readonly problem?: string }
  | { readonly kind: 'event'; readonly event: NetworkEvent }
