/** Lines of a guest's screen on the terminal, beside its console. */
import { screenLine } from '../guest-text.ts'
import type { RunEvent } from '../runs/events.ts'
import { withoutFirmware } from '../screen/firmware-lines.ts'

/** Of the console, so many lines are compared. */
const MOST_KEPT = 10_000

/**
 * Prints what a guest draws and does not print on its console as well. Kernels that do both are read on the console. The
 * beginning of a line of the console is that line, while it is drawn: the run may end there.
 *
 * @returns what takes the events of the run
 */
export function showScreenLines(print: (line: string) => void): (event: RunEvent) => void {
  const printed = new Set<string>()
  const isPrinted = (line: string) => printed.has(line) || [...printed].some((one) => one.startsWith(line))
  return (event) => {
    if (event.type === 'console line' && printed.size < MOST_KEPT) printed.add(event.line.trim())
    if (event.type !== 'screen line') return
    const line = event.line.trimEnd()
    if (line === '' || withoutFirmware([line]).length === 0 || isPrinted(line.trim())) return
    print(screenLine(line))
  }
}
