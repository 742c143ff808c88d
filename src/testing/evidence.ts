/** What helps to understand a failed test: once, short, and in the same order everywhere. */
import { readFileSync } from 'node:fs'
import type { Guest } from '../guest/guest.ts'
import { cut, visible } from '../guest-text.ts'

const CONSOLE_LINES = 20
const QMP_EVENTS = 10

/** Begins the evidence of a guest, and tells whether a message has it already. */
export const evidenceMark = (guest: Guest) => `run folder: ${guest.folder.path}`

/** The last console lines, the last QMP events, and the folder with the rest: logs, plan and QEMU's command. */
export function evidenceOf(guest: Guest): string {
  const lines = guest.console.tail(CONSOLE_LINES)
  const events = qmpEvents(guest)
  return [
    lines.length === 0 ? 'console: nothing yet' : 'console:',
    ...lines.map((line) => `  ${line}`),
    ...(events.length === 0 ? [] : ['QMP events:', ...events.map((line) => `  ${cut(visible(line))}`)]),
    evidenceMark(guest),
  ].join('\n')
}

function qmpEvents(guest: Guest): readonly string[] {
  try {
    const lines = readFileSync(guest.folder.qmpLog, 'utf8').trimEnd().split('\n')
    return lines.filter((line) => line.includes('"event"')).slice(-QMP_EVENTS)
  } catch {
    return []
  }
}
