/**
 * A step: one change to the host that can be checked, previewed and undone. A step is plain data (a kind and its
 * parameters), so that it can be journalled and undone by another process; what it means is told by its kind.
 *
 * `check` and `undo` only read: they say which commands are to be run. Nothing but the engine runs them, so what is
 * previewed is what is done.
 */
import type { z } from 'zod'
import type { Diagnostic } from '../diagnostics.ts'
import type { HostCommand } from './host-command.ts'
import type { HostReader } from './host-reader.ts'

/** JSON: what is journalled has to be read again by another process, perhaps after a reboot. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined }

/** One step of an operation, as it is journalled. */
export interface Step {
  readonly kind: string
  readonly params: Json
}

/** What a change will take. Estimates; told, never checked. */
export interface StepCost {
  readonly downloadBytes?: number
  readonly diskBytes?: number
}

/** What `check` found. */
export type Finding<Before extends Json = Json> =
  /** It is so already; nothing will be done. */
  | { readonly state: 'done'; readonly detail: string }
  /** These commands make it so. `before` is all that undoing needs to know, and is on disk before the first of them. */
  | {
      readonly state: 'change'
      readonly detail: string
      readonly before: Before
      readonly commands: readonly HostCommand[]
      readonly cost?: StepCost
      /** There is nothing to take back or to finish, as with a cache that is refreshed: it is not journalled as a change. */
      readonly leavesNothing?: true
      /** What may surprise although nothing is wrong: shown with the plan. */
      readonly warnings?: readonly Diagnostic[]
    }
  /** It has been done and holds from the next boot of this computer on. */
  | { readonly state: 'reboot'; readonly detail: string }
  /** It cannot be told before the steps above it are done. */
  | { readonly state: 'later'; readonly detail: string }
  /** It cannot be done here. */
  | { readonly state: 'blocked'; readonly diagnostics: readonly Diagnostic[] }

/** What `undo` found: the commands that bring back what was before, or that it is back. */
export type UndoFinding =
  | { readonly state: 'done'; readonly detail: string }
  | { readonly state: 'change'; readonly detail: string; readonly commands: readonly HostCommand[] }
  | { readonly state: 'blocked'; readonly diagnostics: readonly Diagnostic[] }

/** The meaning of one kind of step. */
export interface StepKind<Params extends Json = Json, Before extends Json = Json> {
  readonly kind: string
  /** Of the journal's data: it may have been written by an older bringup. */
  readonly schema: z.ZodType<Params>
  /** One line, in the imperative: `install gcc, make`. */
  describe(params: Params): string
  /** What the step may need, for the preview. */
  readonly needs?: readonly ('root' | 'network' | 'reboot')[]
  /** Reads only. After its commands have run it is asked again, and must find `done` or `reboot`. */
  check(params: Params, host: HostReader): Promise<Finding<Before>>
  /**
   * Reads only. Asked for a step that was begun, perhaps not ended; after its commands have run it is asked again, until
   * it finds `done`; the same commands are never run twice. What others changed since is not taken back: `blocked` says so.
   */
  undo(params: Params, before: Before, host: HostReader): Promise<UndoFinding>
  /** What the last lines of a failed command mean; empty when they are not known. Default: they are shown as they are. */
  explain?(params: Params, lines: readonly string[]): Promise<readonly Diagnostic[]>
}

/** Declares a kind of step; exists for the types. */
export function defineStep<Params extends Json, Before extends Json>(
  kind: StepKind<Params, Before>,
): StepKind<Params, Before> & { step(params: Params): Step } {
  return { ...kind, step: (params) => ({ kind: kind.kind, params }) }
}

/** Finds a kind by its name; undefined for one that this bringup does not know. Kinds are loaded when asked for. */
export type StepKinds = (kind: string) => Promise<StepKind | undefined>
