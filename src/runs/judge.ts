/**
 * From what was seen of a guest's end to a verdict. Pure, so that every way to end can be tested.
 *
 * Sources: `hw/misc/debugexit.c` (QEMU exits with `(value << 1) | 1`, modulo 256, and emits no event before 9.x),
 * the `SHUTDOWN` and `RESET` events of `qapi/run-state.json`, and "Triple fault" of `-d cpu_reset`.
 */
import type { Diagnostic } from '../diagnostics.ts'
import { defineDiagnostics } from '../diagnostics.ts'
import type { Judgement } from '../plan/plan.ts'
import type { Verdict } from './verdict.ts'

/** Everything known when QEMU has gone. */
export interface Ending {
  /** Exit status of QEMU; null when a signal ended it. */
  readonly status: number | null
  readonly signal: string | null
  /** QEMU's own words. */
  readonly stderr: string
  /** True once QMP's `cont` was answered: QEMU had accepted the machine and the guest had begun to run. */
  readonly started: boolean
  /** The last SHUTDOWN event, if any. */
  readonly shutdown?: { readonly guest: boolean; readonly reason: string }
  readonly tripleFault: boolean
  readonly panicLine?: string
  /** The report that the line belongs to, from a few lines before it on. */
  readonly panicReport?: readonly string[]
  readonly watchdogAction?: string
  readonly guestPanicked?: boolean
  /** Exit code reported by the guest through its command channel. */
  readonly shellExit?: number
  /** Why bringup itself ended the machine. */
  readonly endedBy?: 'timeout' | 'interrupt' | 'kill' | 'panic' | 'shell-exit' | 'close'
  readonly debugExit: boolean
  readonly timeoutMs: number
  readonly consoleTail: readonly string[]
}

export interface Judged {
  readonly verdict: Verdict
  /** The guest's own code, where it gave one. */
  readonly guestCode?: number
  /** In a sentence. */
  readonly meaning: string
  readonly diagnostics: readonly Diagnostic[]
}

export const problems = defineDiagnostics({
  GUEST_FAILED: {
    title: 'The guest ended by itself with a code that means failure.',
    why: 'the guest said that something went wrong',
    remedy: 'read the console log of the run: `bringup runs show`',
  },
  GUEST_CRASHED: {
    title: 'The guest triple-faulted, panicked, was reset by its watchdog, or reset or powered off unasked.',
    why: 'a crash is not an exit: the guest had no chance to say a code',
    remedy: 'read the last console lines; `qemu.log` in the run folder has the CPU state at each reset',
  },
  GUEST_TIMED_OUT: {
    title: 'The guest still ran at the deadline.',
    why: 'no exit, reset or power-off came in time; a hang and a slow guest look the same from outside',
    remedy: 'raise `timeout` (or --timeout), or find what the last console line waits for',
  },
  QEMU_REFUSED: {
    title: 'QEMU ended before the guest began to run.',
    why: 'QEMU did not accept the machine; its own words are the evidence',
    remedy:
      'fix the description as QEMU says; if bringup should have known, report it with `bringup plan --json`',
  },
  QEMU_DIED: {
    title: 'QEMU ended while the guest ran, and not on account of the guest.',
    why: 'an abort, an internal error or somebody else’s signal says nothing about the guest',
    remedy:
      'read `qemu.log` and `stderr.log` in the run folder; out of memory shows in the host’s kernel log',
  },
  RUN_INTERRUPTED: {
    title: 'The run was ended by the user.',
    why: 'the guest had not ended yet',
    remedy: 'run it again; the console log up to here is kept in the run folder',
  },
})

/** Decides how a run ended. Order matters: our own hand first, then QEMU's failures, then the guest's word. */
export function judge(ending: Ending, judgement: Judgement): Judged {
  return (
    ownHand(ending, judgement) ??
    machineFailure(ending) ??
    crash(ending, judgement) ??
    guestWord(ending, judgement)
  )
}

function result(
  verdict: Verdict,
  meaning: string,
  diagnostics: readonly Diagnostic[] = [],
  guestCode?: number,
): Judged {
  return { verdict, meaning, diagnostics, ...(guestCode === undefined ? {} : { guestCode }) }
}

function ownHand(e: Ending, judgement: Judgement): Judged | undefined {
  if (e.endedBy === 'timeout') {
    const what = `the guest still ran after ${e.timeoutMs} ms`
    return result('timed-out', what, [
      problems.GUEST_TIMED_OUT.at('timeout', what, { evidence: e.consoleTail }),
    ])
  }
  if (e.endedBy === 'interrupt' || e.endedBy === 'kill') {
    const what = e.endedBy === 'interrupt' ? 'the run was interrupted' : 'the guest was killed on request'
    return result('interrupted', what, [problems.RUN_INTERRUPTED.at('', what)])
  }
  if (e.endedBy === 'shell-exit' && e.shellExit !== undefined && !e.panicLine)
    return byCode(e.shellExit, e, judgement)
  if (e.endedBy === 'close' && !e.panicLine && !e.tripleFault)
    return result('passed', 'the guest was closed by its owner')
  return undefined
}

function machineFailure(e: Ending): Judged | undefined {
  const words = e.stderr.trim().split('\n').filter(Boolean)
  if (!e.started) {
    const what = words.at(-1) ?? `QEMU ended with ${ended(e)} before the guest began to run`
    return result('machine-failed', what, [problems.QEMU_REFUSED.at('', what, { evidence: words })])
  }
  const aborted = e.signal !== null && e.endedBy === undefined
  // exit(1) is both "fatal error" and a guest's code 0: only QEMU's fatal errors come with words.
  const fatal = e.status === 1 && !e.shutdown && words.some((w) => /^qemu[^:]*: (?!warning)/i.test(w))
  const signalled = e.shutdown?.reason === 'host-signal' && e.endedBy === undefined
  if (!aborted && !fatal && !signalled && e.shutdown?.reason !== 'host-error') return undefined
  const what = fatal
    ? (words.at(-1) ?? '')
    : `QEMU was ended by ${ended(e)}${signalled ? ' (a signal from outside)' : ''}`
  return result('machine-failed', what, [
    problems.QEMU_DIED.at('', what, { evidence: [...words, ...e.consoleTail] }),
  ])
}

function crash(e: Ending, judgement: Judgement): Judged | undefined {
  const code = debugExitCode(e)
  const how = e.tripleFault
    ? 'the guest triple-faulted'
    : e.guestPanicked
      ? 'the guest reported a panic to its firmware device'
      : e.watchdogAction !== undefined
        ? `the watchdog expired (${e.watchdogAction})`
        : e.panicLine !== undefined
          ? `the guest panicked: ${e.panicLine.trim()}`
          : e.shutdown?.reason === 'guest-reset' && judgement.onReset === 'stop'
            ? 'the guest reset itself'
            : undefined
  if (how === undefined) return undefined
  const evidence = e.panicReport ?? e.consoleTail
  return result('crashed', how, [problems.GUEST_CRASHED.at('', how, { evidence })], code)
}

function guestWord(e: Ending, judgement: Judgement): Judged {
  const code = debugExitCode(e)
  if (code !== undefined) return byCode(code, e, judgement)
  if (e.shutdown?.reason === 'guest-shutdown') {
    const what = 'the guest powered off'
    return judgement.onPowerOff === 'passed'
      ? result('passed', what)
      : result('failed', what, [
          problems.GUEST_FAILED.at('', `${what} without saying an exit code`, { evidence: e.consoleTail }),
        ])
  }
  const what = `QEMU ended with ${ended(e)} and gave no reason`
  return result('machine-failed', what, [
    problems.QEMU_DIED.at('', what, {
      evidence: [...e.stderr.trim().split('\n').filter(Boolean), ...e.consoleTail],
    }),
  ])
}

/** The value that the guest wrote to isa-debug-exit; undefined when it did not. */
function debugExitCode(e: Ending): number | undefined {
  if (!e.debugExit || !e.started || e.status === null || e.status % 2 === 0) return undefined
  if (e.shutdown !== undefined && e.shutdown.reason !== 'guest-shutdown') return undefined
  return e.status >> 1
}

function byCode(code: number, e: Ending, judgement: Judgement): Judged {
  const known = judgement.exitCodes[code]
  const meaning =
    known?.meaning ??
    (e.endedBy === 'shell-exit'
      ? `the command returned ${code}`
      : `the guest exited with ${code}, which its profile does not know`)
  if (known?.verdict === 'passed') return result('passed', meaning, [], code)
  return result(
    'failed',
    meaning,
    [problems.GUEST_FAILED.at('', `exit code ${code}: ${meaning}`, { evidence: e.consoleTail })],
    code,
  )
}

function ended(e: Ending): string {
  return e.signal === null ? `exit status ${e.status}` : `signal ${e.signal}`
}
