/** What a guest is started with besides its plan. */
import type { Facts } from '../machine/facts.ts'
import type { Profile } from '../project/profile.ts'
import type { GuestResult } from './record.ts'

export interface GuestOptions {
  /** Folder that keeps runs and stores: `.bringup` of the project. */
  readonly stateFolder: string
  readonly facts: Facts
  readonly profile: Profile
  /** Lets the guest go on after a reset, whatever the profile says. */
  readonly allowReboot?: boolean
  /** Aborting ends the guest; the verdict is then `interrupted`. */
  readonly signal?: AbortSignal
  /** Compare what the guest saw as part of the result. Default: what the profile says. */
  readonly verify?: boolean
  /** Every chunk of the console as it comes. */
  readonly onConsole?: (chunk: Buffer) => void
  /** Every complete line of the console. */
  readonly onLine?: (line: string) => void
  /** Every line that the guest draws on its screen, where it has one. */
  readonly onScreenLine?: (line: string) => void
  /** Ends a guest with a display whose CPUs all halt with interrupts off: nothing more can happen. */
  readonly endsWhenHalted?: boolean
  /** The result, before `done` resolves with it. */
  readonly onResult?: (result: GuestResult) => Promise<void>
  /**
   * A restored guest waits for this before it runs: its state is loaded, and its agent has answered once, unless it is
   * connected to other guests. Times count from then.
   */
  readonly held?: Promise<unknown>
  /** The guest waits for `held`. */
  readonly onHeld?: () => void
  /** The agent of the guest answers for the first time. */
  readonly onAnswer?: () => void
  /** What building took before, for the record. */
  readonly buildMs?: number
}
