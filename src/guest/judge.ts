/**
 * From what was seen of a guest's end to a verdict. Pure, so that every way to end can be tested.
 *
 * Sources: `hw/misc/debugexit.c` (QEMU exits with `(value << 1) | 1`, modulo 256, and emits no event before 9.1), and
 * the `SHUTDOWN`, `RESET` and `RESUME` events of `qapi/run-state.json`.
 */
import { basename } from 'node:path'
import type { Diagnostic } from '../diagnostics.ts'
import { patternText } from '../pattern.ts'
import type { Judgement } from '../plan/plan.ts'
import { formatMs } from '../units.ts'
import { showMenu } from './boot-loader-text.ts'
import type { Ending } from './ending.ts'
import { problems } from './judge-problems.ts'
import type { Verdict } from './verdict.ts'

export interface Judged {
  readonly verdict: Verdict
  /** The guest's own code, where it gave one. */
  readonly guestCode?: number
  /** In a sentence. */
  readonly meaning: string
  readonly diagnostics: readonly Diagnostic[]
}

/** Decides how a run ended. Order matters: the user's wish, QEMU's failures, crashes, our own hand, the
 * guest's word. */
export function judge(ending: Ending, judgement: Judgement): Judged {
  return (
    interrupted(ending) ??
    machineFailure(ending) ??
    crash(ending, judgement) ??
    shown(ending, judgement) ??
    ownHand(ending, judgement) ??
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

/** gdb's `kill` (gdbstub.c). */
const KILLED_BY_GDB = 'QEMU: Terminated via GDBstub'

/** Ended on purpose, whatever the guest did meanwhile. */
function interrupted(e: Ending): Judged | undefined {
  if (e.endedBy === 'user') return result('interrupted', 'ended by you')
  if (e.endedBy === undefined && e.stderr.includes(KILLED_BY_GDB))
    return result('interrupted', 'ended by gdb')
  if (e.endedBy !== 'interrupt' && e.endedBy !== 'kill') return undefined
  const what = e.endedBy === 'interrupt' ? 'the run was interrupted' : 'the guest was killed on request'
  return result('interrupted', what, [problems.RUN_INTERRUPTED.at('', what)])
}

function machineFailure(e: Ending): Judged | undefined {
  const words = linesOf(e.stderr)
  if (!e.started) {
    const what = headline(words) ?? `QEMU ended with ${ended(e)} before the guest began to run`
    return result('machine-failed', what, [problems.QEMU_REFUSED.at('', what, { evidence: words })])
  }
  if (e.endedBy === 'stopped') {
    const what = `QEMU stopped the guest: ${e.stopReason ?? 'no reason given'}`
    return result('machine-failed', what, [
      problems.QEMU_STOPPED.at('', what, { evidence: [...words, ...wordsOf(e)] }),
    ])
  }
  const aborted = e.signal !== null && e.endedBy === undefined
  // exit(1) is both "fatal error" and a guest's code 0. What QEMU said and lived on after was not fatal.
  const fatal =
    e.status === 1 && !e.shutdown && e.endedBy === undefined
      ? headline(linesOf(e.lastWords ?? e.stderr).filter((line) => !isRemark(line)))
      : undefined
  const signalled = e.shutdown?.reason === 'host-signal' && e.endedBy === undefined
  if (!aborted && fatal === undefined && !signalled && e.shutdown?.reason !== 'host-error') return undefined
  const what = fatal ?? `QEMU was ended by ${ended(e)}${signalled ? ' (a signal from outside)' : ''}`
  return result('machine-failed', what, [
    problems.QEMU_DIED.at('', what, { evidence: [...words, ...wordsOf(e)] }),
  ])
}

/** The run ended there: until the guest was gone, only a crash counts, or a code that is known as failure. */
function shown(e: Ending, judgement: Judgement): Judged | undefined {
  if (e.shown === undefined || (e.endedBy !== 'shown' && e.endedBy !== 'halted' && e.endedBy !== undefined))
    return undefined
  // With a command, its end counts besides.
  if (e.unfinished) return undefined
  if (e.shellExit !== undefined) return byCode(e.shellExit, e, judgement)
  if (hasFailedByCode(e, judgement)) return guestWord(e, judgement)
  const where = e.shown.isOnScreen === true ? 'screen' : 'console'
  return result('passed', `the ${where} showed ${JSON.stringify(e.shown.text)} in line ${e.shown.line}`)
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
          ? `the guest panicked${e.isPanicOnScreen === true ? ' on its screen' : ''}: ${e.panicLine.trim()}`
          : resetItself(e, judgement)
            ? 'the guest reset itself'
            : undefined
  if (how === undefined) return undefined
  const evidence = e.panicReport ?? wordsOf(e)
  return result('crashed', how, [problems.GUEST_CRASHED.at('', how, { evidence })], code)
}

function resetItself(e: Ending, judgement: Judgement): boolean {
  if (e.endedBy === 'reset') return true
  if (e.restarts === true || e.endedBy === 'shell-exit' || e.shown !== undefined) return false
  return e.shutdown?.reason === 'guest-reset' && judgement.onReset === 'stop'
}

/** For a guest that printed nothing. */
const SILENT =
  'the console has no byte: make the kernel print on it (Linux: `console=ttyS0` on the command line), or raise `timeout` (or --timeout)'

/** For a guest that only drew. */
const DRAWN = `if the screen shows that all is well, say which text proves it: --until TEXT; else ${SILENT}`

/** For a guest in whose menu no key was pressed. */
const IN_MENU =
  'a menu waits for a key: let the boot loader go on by itself (GRUB: `set timeout=0` in grub.cfg), or press keys by `bringup test` (`kernel.test`, `keys: "<enter>"`)'

const UNFINISHED =
  'the text was shown, and the command has not ended: a pass needs both, so let the command end with 0 (`sh -c "server &"`)'

/** The last words of the guest: on the console, and on its screen. */
function wordsOf({ consoleTail, screen }: Ending): readonly string[] {
  if (!screen) return consoleTail
  const heading =
    consoleTail.length === 0 ? 'nothing came on the console; the screen shows:' : 'the screen shows:'
  return [...consoleTail, heading, ...screen.map((line) => `  ${line}`)]
}

function remedyAtTimeout(e: Ending): { readonly remedy?: string } {
  if (e.shown && e.unfinished) return { remedy: UNFINISHED }
  if (showMenu(e.screen ?? e.consoleTail)) return { remedy: IN_MENU }
  return e.consoleTail.length === 0 && !e.unfinished ? { remedy: e.screen ? DRAWN : SILENT } : {}
}

function ownHand(e: Ending, judgement: Judgement): Judged | undefined {
  if (e.endedBy === 'timeout') {
    const what = `the guest was still running after ${formatMs(e.timeoutMs)}`
    return result('timed-out', what, [
      problems.GUEST_TIMED_OUT.at('timeout', what, {
        evidence: wordsOf(e),
        ...remedyAtTimeout(e),
      }),
    ])
  }
  if (e.endedBy === 'halted') {
    const what = 'the guest halted with interrupts off'
    return judgement.passPatterns?.length
      ? pass(what, e, judgement)
      : result('failed', what, [problems.GUEST_HALTED.at('', what, { evidence: wordsOf(e) })])
  }
  if (e.endedBy === 'shell-exit' && e.shellExit !== undefined) return byCode(e.shellExit, e, judgement)
  if (e.endedBy === 'close' && hasFailedByCode(e, judgement)) return undefined
  // Nothing was proved: the guest had neither passed nor failed when its owner ended it.
  if (e.endedBy === 'close' || (e.endedBy === undefined && e.shutdown?.reason === 'host-qmp-quit'))
    return result('interrupted', 'the guest was stopped before it ended')
  return undefined
}

function guestWord(e: Ending, judgement: Judgement): Judged {
  const code = debugExitCode(e)
  if (code !== undefined) return byCode(code, e, judgement)
  const what = endedItself(e)
  // It ended while bringup was about to end it, or with the shell on its console.
  const exit = e.shellExit ?? e.consoleExit
  if (what !== undefined && exit !== undefined) return byCode(exit, e, judgement)
  if (what !== undefined && e.unfinished && !endsGuest(e.unfinished)) {
    const early = `${what} before the command ended`
    const evidence = wordsOf(e)
    return result('failed', early, [problems.COMMAND_NOT_ENDED.at('', early, { evidence })])
  }
  if (what !== undefined) {
    if (judgement.onPowerOff === 'passed') return pass(what, e, judgement)
    const unsaid = `${what} without reporting an exit code`
    return result('failed', what, [problems.GUEST_FAILED.at('', unsaid, { evidence: wordsOf(e) })])
  }
  const nothing = `QEMU ended with ${ended(e)} and gave no reason`
  return result('machine-failed', nothing, [
    problems.QEMU_DIED.at('', nothing, { evidence: [...linesOf(e.stderr), ...wordsOf(e)] }),
  ])
}

const ENDS_GUEST = new Set(['poweroff', 'halt', 'reboot', 'shutdown'])

/** The end of the guest is what the command is for. */
function endsGuest([program = '', verb = '']: readonly string[]): boolean {
  const name = basename(program)
  return ENDS_GUEST.has(name) || ((name === 'systemctl' || name === 'busybox') && ENDS_GUEST.has(verb))
}

function endedItself(e: Ending): string | undefined {
  if (e.endedBy === 'halt') return 'the guest halted'
  if (e.shutdown?.reason === 'guest-shutdown') return 'the guest powered off'
  return e.shutdown?.reason === 'guest-reset' && e.restarts === true ? 'the guest restarted' : undefined
}

/** QEMU before 9.1 exits within the guest's write: nothing can be read of the guest any more. */
export const endedWithinWrite = (e: Ending): boolean =>
  debugExitCode(e) !== undefined && e.shutdown === undefined

/** The value that the guest wrote to isa-debug-exit; undefined when it did not. */
function debugExitCode(e: Ending): number | undefined {
  if (!e.debugExit || !e.started || e.status === null || e.status % 2 === 0) return undefined
  if (e.shutdown !== undefined && e.shutdown.reason !== 'guest-shutdown') return undefined
  return e.status >> 1
}

/** It said so itself, while it was about to be ended. */
function hasFailedByCode(e: Ending, { exitCodes }: Judgement): boolean {
  const code = debugExitCode(e)
  return code !== undefined && exitCodes[code]?.verdict === 'failed'
}

function byCode(code: number, e: Ending, judgement: Judgement): Judged {
  const known = judgement.exitCodes[code]
  const command = e.shellExit !== undefined ? 'command' : e.consoleExit === undefined ? undefined : 'shell'
  if (known?.verdict === 'passed') return pass(known.meaning, e, judgement, code)
  const meaning =
    known?.meaning ??
    (command ? `the ${command} returned ${code}` : `the guest exited with ${code}, a code without a meaning`)
  const evidence = { evidence: wordsOf(e) }
  const finding =
    known || command
      ? problems.GUEST_FAILED.at('', `exit code ${code}: ${meaning}`, evidence)
      : problems.GUEST_CODE_UNKNOWN.at('', meaning, {
          ...evidence,
          remedy: problems.GUEST_CODE_UNKNOWN.remedy.replace('CODE', `${code}`),
        })
  return result('failed', meaning, [finding], code)
}

/** Where a text on the console was to prove the pass, nothing else does. */
function pass(meaning: string, e: Ending, { passPatterns = [] }: Judgement, code?: number): Judged {
  if (passPatterns.length === 0 || e.shown !== undefined) return result('passed', meaning, [], code)
  const wanted = passPatterns.map(patternText).join(' or ')
  const what = `${meaning}, but ${e.screen ? 'neither console nor screen' : 'the console never'} showed ${wanted}`
  return result('failed', what, [problems.PASS_NOT_SHOWN.at('', what, { evidence: wordsOf(e) })], code)
}

function linesOf(text: string): readonly string[] {
  return text.trim().split('\n').filter(Boolean)
}

/**
 * QEMU's warnings and informations, which never end it: those of `error_vreport` (util/qemu-error.c), and the one about
 * guessed formats (block/raw-format.c) with its indented lines.
 */
function isRemark(line: string): boolean {
  return /^\S*qemu[^:]*: (.*: )?(warning|info): |^WARNING: |^\s/i.test(line)
}

/** The first line that says what is wrong; later ones explain it. */
function headline(lines: readonly string[]): string | undefined {
  return lines.find((line) => !isRemark(line)) ?? lines.at(-1)
}

function ended(e: Ending): string {
  return e.signal === null ? `exit status ${e.status}` : `signal ${e.signal}`
}
