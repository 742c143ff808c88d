/** How a guest ended, as far as it was seen. */

/** Why bringup itself ended the machine. */
export type EndedBy =
  | 'timeout'
  /** A signal to bringup, or the caller's AbortSignal. */
  | 'interrupt'
  /** The user, on purpose: Ctrl-A X. */
  | 'user'
  | 'kill'
  | 'panic'
  /** An unexpected reset or triple fault of a guest that QEMU lets reboot. */
  | 'reset'
  /** QEMU had stopped the guest and would not have continued it. */
  | 'stopped'
  /** The guest halted, and the machine would have run on. */
  | 'halt'
  /** All CPUs halt with interrupts off, and nothing said what that means. */
  | 'halted'
  /** The console showed what proves the pass. */
  | 'shown'
  | 'shell-exit'
  | 'close'

/** Everything known when QEMU has gone. */
export interface Ending {
  /** Exit status of QEMU; null when a signal ended it. */
  readonly status: number | null
  readonly signal: string | null
  /** QEMU's own words. */
  readonly stderr: string
  /** The part of `stderr` after which QEMU answered no QMP command: what it may have ended of. */
  readonly lastWords?: string
  /** True when the guest ran: QEMU emitted RESUME or answered `cont`. */
  readonly started: boolean
  /** The last SHUTDOWN event, if any. */
  readonly shutdown?: { readonly guest: boolean; readonly reason: string }
  /** A triple fault ended the guest. */
  readonly tripleFault: boolean
  readonly panicLine?: string
  /** The line is on the screen, not on the console. */
  readonly isPanicOnScreen?: boolean
  /** The report that the line belongs to, from a few lines before it on. */
  readonly panicReport?: readonly string[]
  /** The guest said that it restarts in order. */
  readonly restarts?: boolean
  readonly watchdogAction?: string
  readonly guestPanicked?: boolean
  /** Why QEMU stopped the guest, where it did so by itself. */
  readonly stopReason?: string
  /** What the console showed of the text that proves the pass. */
  readonly shown?: { readonly text: string; readonly line: number; readonly isOnScreen?: boolean }
  /** Exit code reported by the guest through its command channel. */
  readonly shellExit?: number
  /** Exit code of the shell on the console, where it is not 0: the guest powered off for it. */
  readonly consoleExit?: number
  /** The command of the run, if it has not ended. */
  readonly unfinished?: readonly string[]
  readonly endedBy?: EndedBy
  readonly debugExit: boolean
  readonly timeoutMs: number
  readonly consoleTail: readonly string[]
  /** The last screen; absent without a display, or where nothing was drawn that could be read. */
  readonly screen?: readonly string[]
}
