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

/** Time between two looks: no event tells that a program of a guest has begun to listen. */
const LOOK_MS = 100

async function untilPortOpens(
  condition: Extract<Condition, { port: number }>,
  around: Surroundings,
): Promise<void> {
  const ended = watch(condition, around, () => false)
  ended.catch(() => {})
  const opened = around.running(condition.guest).then(async (guest) => {
    while (!guest.hasEnded && !around.signal.aborted && !(await isReached(guest, condition.port)))
      await pause(LOOK_MS)
  })
  await Promise.race([opened, ended])
}

const pause = (ms: number) => new Promise<void>((resolve) => void startTimer(ms, resolve))

/**
 * Whether a program of the guest accepts connections on the port. QEMU itself accepts on this side, whatever the guest
 * does: only its user network knows whether the guest has answered (`TCP[ESTABLISHED]` in the monitor's `info usernet`).
 */
async function isReached(guest: Guest, port: number): Promise<boolean> {
  const socket = createConnection({ host: '127.0.0.1', port: guest.port(port) })
  let isClosed = false
  socket.once('error', () => {})
  socket.once('close', () => {
    isClosed = true
  })
  try {
    while (!isClosed && !guest.hasEnded) {
      const { qmp } = guest.qemu
      const text = await qmp.execute('human-monitor-command', { 'command-line': 'info usernet' })
      if (isEstablished(text, port)) return true
      await pause(LOOK_MS)
    }
    return false
  } catch {
    // The guest is ending.
    return false
  } finally {
    socket.destroy()
  }
}

/** Whether a connection to that port of the guest is established, by the monitor's `info usernet`. */
export function isEstablished(text: string, port: number): boolean {
  return text
    .split('\n')
    .some((line) => Number(/^\s*TCP\[ESTABLISHED\]\s+\d+\s+\S+\s+\d+\s+\S+\s+(\d+)/.exec(line)?.[1]) === port)
}
