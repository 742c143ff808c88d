/** Waits for what has to happen before a guest starts. */
import { createConnection } from 'node:net'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { Guest } from '../guest/guest.ts'
import type { Condition } from '../plan/plan.ts'
import { conditionText } from '../rack/condition-text.ts'
import { startTimer } from '../timer.ts'
import type { RunEvent, RunEvents } from './events.ts'

export const problems = defineDiagnostics({
  RACK_CONDITION_UNMET: {
    title: 'A guest was not started, because what it waited for can no longer happen.',
    why: 'the guest that it waited for has ended',
    remedy: 'read the console of that guest: `bringup runs show last --guest NAME --console`',
  },
})

/** What is known of the other guests. */
export interface Surroundings {
  readonly events: RunEvents
  /** A guest once it runs. */
  readonly running: (guest: string) => Promise<Guest>
  /** Ends all waiting. */
  readonly signal: AbortSignal
}

/**
 * Resolves when the condition holds. To be called before any guest starts, so that no line is missed.
 *
 * @throws BringupError RACK_CONDITION_UNMET when it can no longer hold
 */
export async function untilMet(condition: Condition, around: Surroundings): Promise<void> {
  if ('port' in condition) return untilPortOpens(condition, around)
  const pattern = 'shows' in condition ? new RegExp(condition.shows) : undefined
  return watch(condition, around, (event) => {
    if (pattern) return 'line' in event && pattern.test(event.line)
    return (
      'ends' in condition &&
      event.type === 'guest ended' &&
      (condition.ends === true || event.verdict === 'passed')
    )
  })
}

/** Looks at every event of the guest until one meets the condition, or it has ended. */
function watch(
  condition: Condition,
  { events, signal }: Pick<Surroundings, 'events' | 'signal'>,
  isMetBy: (event: RunEvent) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      stop()
      signal.removeEventListener('abort', onAbort)
      settle()
    }
    const onAbort = () => end(() => reject(signal.reason))
    const stop = events.on((event) => {
      if (!('guest' in event) || event.guest !== condition.guest) return
      if (isMetBy(event)) end(resolve)
      else if (event.type === 'guest ended' || event.type === 'guest skipped')
        end(() => reject(unmet(condition)))
    })
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}

function unmet(condition: Condition): BringupError {
  const what = `"${condition.guest}" ended before it met the condition: ${conditionText(condition)}`
  return new BringupError([problems.RACK_CONDITION_UNMET.at('', what)])
}

/** Time between two attempts to connect: no event tells that a port of a guest has opened. */
const ATTEMPT_MS = 100

async function untilPortOpens(
  condition: Extract<Condition, { port: number }>,
  around: Surroundings,
): Promise<void> {
  const ended = watch(condition, around, () => false)
  const opened = around.running(condition.guest).then(async (guest) => {
    const port = guest.port(condition.port)
    while (!guest.hasEnded && !around.signal.aborted && !(await accepts(port))) await pause(ATTEMPT_MS)
  })
  await Promise.race([opened, ended])
  ended.catch(() => {})
}

const pause = (ms: number) => new Promise<void>((resolve) => void startTimer(ms, resolve))

/**
 * Whether something in the guest accepts the connection. QEMU's user network accepts for the guest, and closes at once
 * where nothing listens there: a connection that stays open for a moment, or that sends, has reached a program.
 */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port })
    const end = (isOpen: boolean) => {
      timer.clear()
      socket.destroy()
      resolve(isOpen)
    }
    const timer = startTimer(1000, () => end(true))
    socket.once('data', () => end(true))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
  })
}
