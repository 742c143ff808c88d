/** Several guests on one terminal: their lines with the guest's name in front, then a table and one verdict. */
import { screenLine } from '../guest-text.ts'
import type { RunEvent } from '../runs/events.ts'
import type { RunResult } from '../runs/record.ts'
import { formatMs } from '../units.ts'
import { formatDiagnostics } from './errors.ts'
import { networkWords } from './network-words.ts'
import type { Colors, Output } from './output.ts'
import { shortPath } from './run-report.ts'
import { formatTable } from './table.ts'

/** Colours of guests, in turn; red is kept for errors. */
const PAINTS = ['cyan', 'green', 'yellow', 'magenta', 'blue', 'white'] as const

/** What stands before a line of one of several guests. */
export function guestPrefix(guests: readonly string[], guest: string, colors: Colors): string {
  const width = Math.max(...guests.map((name) => name.length))
  const paint = PAINTS[guests.indexOf(guest) % PAINTS.length] ?? 'cyan'
  return `${colors[paint](guest.padEnd(width))} │ `
}

/** Prints the events of a rack as they come: lines of guests to stdout, what happens to them to stderr. */
export function showRackEvents(guests: readonly string[], output: Output): (event: RunEvent) => void {
  const prefix = (guest: string, colors: Colors) => guestPrefix(guests, guest, colors)
  return (event) => {
    if ('service' in event) {
      output.note(output.errorColors.dim(serviceLine(event)))
      return
    }
    if ('network' in event) {
      const what = networkWords(event)
      if (what !== undefined) output.note(output.errorColors.dim(`network ${event.network}: ${what}`))
      return
    }
    if (!('guest' in event)) return
    const { guest } = event
    if ('line' in event) output.print(`${prefix(guest, output.colors)}${screenLine(event.line)}`)
    const what = happening(event)
    if (what === undefined) return
    const { errorColors } = output
    output.note(`${prefix(guest, errorColors)}${errorColors.dim(what)}`)
  }
}

function serviceLine(event: Extract<RunEvent, { readonly service: string }>): string {
  const what =
    event.type === 'service started'
      ? `started, process ${event.pid}`
      : event.type === 'service ready'
        ? 'ready'
        : (event.finding?.what ?? 'ended')
  return `service ${event.service}: ${what}`
}

/** What happened to a guest, in words; undefined for what shows by itself. */
function happening(event: RunEvent): string | undefined {
  if (event.type === 'guest waiting') return `waits until ${event.for}`
  if (event.type === 'guest started') return `started, process ${event.pid}`
  if (event.type === 'command started') return `runs ${event.command.join(' ')}`
  if (event.type === 'guest ended') return `${event.verdict}: ${event.meaning}`
  if (event.type === 'guest skipped') return `not started: ${event.because}`
  return undefined
}

/** Prints how each guest ended, the findings and the verdict of the run. */
export function reportRack(result: RunResult, output: Output): void {
  const { colors, errorColors } = output
  const rows = result.guests.map(({ guest, counts, result: own }) => [
    guest,
    own === undefined ? 'not started' : paintVerdict(own.verdict, colors),
    own === undefined ? '' : `${own.exitCode}`,
    own === undefined ? '' : formatMs(own.timings.totalMs),
    `${own?.meaning ?? ''}${counts ? '' : ' (does not count)'}`,
  ])
  output.print(`\n${formatTable(['guest', 'verdict', 'exit', 'took', ''], rows, output)}`)
  if (result.diagnostics.length > 0)
    output.error(`\n${formatDiagnostics(result.diagnostics, output.errorPage)}`)
  const verdict = errorColors.bold(paintVerdict(result.verdict, errorColors))
  const rest = `· ${formatMs(result.timings.totalMs)} · ${shortPath(result.folder)}`
  output.note(`\n${verdict} ${result.meaning} ${errorColors.dim(rest)}`)
}

function paintVerdict(verdict: RunResult['verdict'], colors: Colors): string {
  if (verdict === 'passed') return colors.green(verdict)
  return verdict === 'interrupted' ? colors.yellow(verdict) : colors.red(verdict)
}
