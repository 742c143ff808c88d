/** Collects what console and QMP say of a guest's fate while it runs. */
import type { Plan } from '../plan/plan.ts'
import type { QmpClient } from '../qemu/qmp.ts'
import type { Ending } from '../runs/judge.ts'
import type { Console } from './console.ts'

type Seen = Pick<Ending, 'shutdown' | 'panicLine' | 'watchdogAction' | 'guestPanicked'>

/** What the owner of the guest wants to know at once. */
interface Listeners {
  readonly onPanic: () => void
  readonly onReset: () => void
}

/** Watches from now on; the function returned tells what was seen so far. */
export function watchGuest(
  { judgement }: Pick<Plan, 'judgement'>,
  qmp: QmpClient,
  console: Console,
  { onPanic, onReset }: Listeners,
): () => Seen {
  const panics = judgement.panicPatterns.map((source) => new RegExp(source))
  let seen: Seen = {}
  console.onLine((line) => {
    if (seen.panicLine !== undefined || !panics.some((p) => p.test(line))) return
    seen = { ...seen, panicLine: line }
    onPanic()
  })
  qmp.on('SHUTDOWN', (data) => {
    seen = { ...seen, shutdown: { guest: data.guest === true, reason: String(data.reason) } }
  })
  qmp.on('RESET', onReset)
  qmp.on('WATCHDOG', (data) => {
    seen = { ...seen, watchdogAction: String(data.action) }
  })
  qmp.on('GUEST_PANICKED', () => {
    seen = { ...seen, guestPanicked: true }
  })
  return () => seen
}
