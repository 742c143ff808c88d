/** A sweep while it runs: the matrix on a terminal, a line for each attempt elsewhere. */
import { screenLine } from '../guest-text.ts'
import { plural } from '../plural.ts'
import type { Attempt } from '../sweeps/record.ts'
import type { SweepState } from '../sweeps/run-sweep.ts'
import { summarizeSweep } from '../sweeps/summary.ts'
import { formatMs } from '../units.ts'
import type { Output, Sink } from './output.ts'
import { matrixView, totalsOf } from './sweep-view.ts'

export interface SweepProgress {
  readonly ready: (state: SweepState) => void
  readonly ended: (label: string, attempt: Attempt) => void
  readonly note: (text: string) => void
  /** Takes the picture away. */
  readonly clear: () => void
}

/** How often a terminal is written to. */
const EVERY_MS = 200

export function showSweep(
  output: Output,
  sink: Sink = process.stderr,
  now: () => number = Date.now,
): SweepProgress {
  const isLive = sink.isTTY === true && process.env.TERM !== 'dumb'
  const rows = (sink as { readonly rows?: number }).rows ?? 24
  let state: SweepState | undefined
  const attempts: Attempt[] = []
  const changed = new Set<string>()
  let [drawn, drawnAt, beganAt] = [0, Number.NEGATIVE_INFINITY, 0]
  const clear = () => {
    if (drawn > 0) sink.write(`\x1b[${drawn}A\x1b[J`)
    drawn = 0
  }
  const draw = () => {
    if (!isLive || !state || now() - drawnAt < EVERY_MS) return
    drawnAt = now()
    const summary = summarizeSweep(state.record, attempts)
    const page = output.errorPage
    const matrix = matrixView(state.record.axes, summary, page).split('\n')
    const left = timeLeft(state, attempts.length - state.attempts.length, now() - beganAt)
    const lines = [...(matrix.length + 3 > rows ? [] : matrix), `${totalsOf(summary, page.colors)}${left}`]
    clear()
    sink.write(`${lines.join('\n')}\n`)
    drawn = lines.length
  }
  return {
    ready: (ready) => {
      state = ready
      beganAt = now()
      attempts.push(...ready.attempts)
      if (!isLive)
        output.note(
          `sweep ${ready.folder.id}: ${plural(ready.tasks.length, 'run')}, ${ready.slots} at a time`,
        )
      draw()
    },
    ended: (label, attempt) => {
      attempts.push(attempt)
      for (const path of attempt.changed ?? [])
        if (!changed.has(path)) {
          changed.add(path)
          clear()
          output.note(screenLine(`${path} has changed since the sweep was planned`))
        }
      draw()
      if (isLive || !state) return
      const place = `[${attempts.length - state.attempts.length}/${state.tasks.length}]`
      output.note(
        screenLine(`${place} ${label} #${attempt.repeat}: ${attempt.verdict} ${formatMs(attempt.totalMs)}`),
      )
    },
    note: (text) => {
      clear()
      output.note(text)
    },
    clear,
  }
}

/** From the runs of this sweep; before the first has ended, from those of earlier ones. */
function timeLeft({ tasks, slots, attempts }: SweepState, done: number, passedMs: number): string {
  const left = tasks.length - done
  if (left <= 0) return ''
  const earlier = attempts.reduce((sum, { totalMs }) => sum + totalMs, 0) / Math.max(1, attempts.length)
  const each = done >= slots ? passedMs / done : earlier / slots
  return each === 0 ? '' : ` · about ${formatMs(Math.round(each * left))} left`
}
