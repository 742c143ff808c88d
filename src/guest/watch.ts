/** Collects what console and QMP say of a guest's fate while it runs. */
import { screenLine } from '../guest-text.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { QmpClient } from '../qemu/qmp.ts'
import type { Console } from './console.ts'
import type { Ending } from './ending.ts'
import type { ScreenWatch } from './screen-watch.ts'

type Seen = Pick<
  Ending,
  | 'shutdown'
  | 'panicLine'
  | 'panicReport'
  | 'isPanicOnScreen'
  | 'restarts'
  | 'watchdogAction'
  | 'guestPanicked'
  | 'stopReason'
>

/** What the owner of the guest wants to know at once. */
interface Listeners {
  readonly onPanic: () => void
  /** The guest halted its CPUs: nothing more will happen. */
  readonly onHalt: () => void
  readonly onReset: (by: { readonly guest: boolean }) => void
  /** QEMU lets the guest run: at first, and whenever it goes on. */
  readonly onRun: () => void
  /** The guest stands still, for whatever reason. */
  readonly onPaused?: () => void
  /** QEMU stopped the guest because of an error of the host. */
  readonly onStopped: () => void
  /** The guest has ended, and QEMU waits so that its screen can be read. */
  readonly onStill?: () => void
}

/** What of a screen is watched. */
type WatchedScreen = Pick<ScreenWatch, 'onChange'>

/** A panic names its cause and its call trace first; what comes after the trace is of less use. */
const REPORT_LINES = 80
/** Some kernels say the cause before the line that is known as a panic. */
const LINES_BEFORE = 8
const LONGEST_LINE = 4096

/** Watches from now on; the function returned tells what was seen so far. */
export function watchGuest(
  { judgement }: Pick<GuestPlan, 'judgement'>,
  qmp: QmpClient,
  console: Console,
  { onPanic, onHalt, onReset, onRun, onPaused, onStopped, onStill }: Listeners,
  screen?: WatchedScreen,
): () => Seen {
  const panics = judgement.panicPatterns.map((source) => new RegExp(source))
  const restarts = (judgement.restartPatterns ?? []).map((source) => new RegExp(source))
  const halts = (judgement.haltPatterns ?? []).map((source) => new RegExp(source))
  let seen: Seen = {}
  const before: string[] = []
  const report: string[] = []
  console.onLine((line) => {
    if (seen.panicLine !== undefined) {
      if (report.length < REPORT_LINES) report.push(screenLine(line))
      return
    }
    before.push(line)
    if (before.length > LINES_BEFORE + 1) before.shift()
    const start = line.slice(0, LONGEST_LINE)
    // A guest that was saved afterwards has gone on.
    if (!console.isReplaying) {
      if (restarts.some((p) => p.test(start))) seen = { ...seen, restarts: true }
      if (halts.some((p) => p.test(start))) onHalt()
    }
    if (!panics.some((p) => p.test(start))) return
    report.push(...before.map(screenLine))
    seen = { ...seen, panicLine: screenLine(line), panicReport: report }
    onPanic()
  })
  screen?.onChange((lines) => {
    const panicLine = seen.panicLine === undefined && lines.find((line) => panics.some((p) => p.test(line)))
    if (!panicLine) return
    seen = { ...seen, panicLine: screenLine(panicLine), isPanicOnScreen: true }
    onPanic()
  })
  qmp.on('SHUTDOWN', (data) => {
    // Of a guest that has ended, QEMU's own end says nothing.
    if (seen.shutdown?.guest === true && data.guest !== true) return
    seen = { ...seen, shutdown: { guest: data.guest === true, reason: String(data.reason) } }
  })
  qmp.on('RESET', (data) => {
    seen = { ...seen, restarts: false }
    onReset({ guest: data.guest === true })
  })
  qmp.on('RESUME', onRun)
  let diskError: string | undefined
  qmp.on('BLOCK_IO_ERROR', ({ device, operation, reason }) => {
    diskError = `${String(operation)} error on disk ${String(device)}: ${String(reason)}`
  })
  // A client that stops the guest by QMP continues it as well; after a stop by QEMU itself no client would.
  qmp.on('STOP', () => {
    onPaused?.()
    qmp.execute('query-status').then(
      ({ status }) => {
        if (status === 'shutdown' || status === 'guest-panicked') return onStill?.()
        if (status !== 'io-error' && status !== 'internal-error') return
        const reason = status === 'io-error' ? diskError : undefined
        seen = { ...seen, stopReason: reason ?? `its state is ${status}` }
        onStopped()
      },
      () => {},
    )
  })
  qmp.on('WATCHDOG', (data) => {
    seen = { ...seen, watchdogAction: String(data.action) }
  })
  qmp.on('GUEST_PANICKED', () => {
    seen = { ...seen, guestPanicked: true }
  })
  return () => seen
}

/** True once the guest has shown that it crashed, though it may go on for a moment. */
export function hasCrashed({ panicLine, guestPanicked, watchdogAction }: Seen): boolean {
  return panicLine !== undefined || guestPanicked === true || watchdogAction !== undefined
}
