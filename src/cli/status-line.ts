/** A status line: overwritten on a terminal, a new line for each phase elsewhere. */
import { screenLine } from '../guest-text.ts'
import type { Output, Sink } from './output.ts'

export interface StatusLine {
  /** A new phase: a line of its own in logs. */
  readonly phase: (what: string) => void
  /** How far the phase is: only shown on a terminal. */
  readonly detail: (text: string) => void
  /** Takes the line away. */
  readonly clear: () => void
}

/** How often a terminal is written to; git reports more often than a person can read. */
const EVERY_MS = 80

export interface StatusLineOptions {
  readonly sink?: Sink
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly now?: () => number
}

export function createStatusLine(
  output: Output,
  { sink = process.stderr, env = process.env, now = Date.now }: StatusLineOptions = {},
): StatusLine {
  if (output.isJson) return { phase: () => {}, detail: () => {}, clear: () => {} }
  if (sink.isTTY !== true || env.TERM === 'dumb') return plainLines(output)
  let [current, drawnAt] = ['', Number.NEGATIVE_INFINITY]
  const draw = (text: string, isUrgent: boolean) => {
    if (!isUrgent && now() - drawnAt < EVERY_MS) return
    drawnAt = now()
    const room = (sink.columns || 80) - 1
    sink.write(`\r\x1b[K${output.errorColors.dim(screenLine(text).slice(0, room))}`)
  }
  return {
    phase: (what) => {
      current = what
      draw(`${what} …`, true)
    },
    detail: (text) => draw(`${current}: ${text}`, false),
    clear: () => sink.write('\r\x1b[K'),
  }
}

function plainLines(output: Output): StatusLine {
  let last: string | undefined
  return {
    phase: (what) => {
      if (what !== last) output.note(output.errorColors.dim(`${what} …`))
      last = what
    },
    detail: () => {},
    clear: () => {},
  }
}
