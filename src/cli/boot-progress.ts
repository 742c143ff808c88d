/** On a terminal: what is prepared, what boots and how to leave it, and how far it is until the guest says something. */
import { screenLines } from '../guest-text.ts'
import type { Output, Sink } from './output.ts'
import { createStatusLine } from './status-line.ts'

const LEAVING = 'Ctrl-A X ends · Ctrl-A H help'

export interface BootProgress {
  /** Something that takes time before the machine starts. */
  readonly preparing: (what: string) => void
  /** Prints the header. What boots: `Linux 6.1.0-50-cloud-amd64`. */
  readonly boots: (what: string, how?: 'booting' | 'restoring') => void
  /** What the guest's console shows while something else is awaited. */
  readonly saw: (chunk: Uint8Array) => void
  /** Removes the line, until something boots. */
  readonly clear: () => void
}

/** How often the seconds are counted. */
const EVERY_MS = 500

/** Shows at once that something happens; the seconds count from now. */
export function showBootProgress(
  output: Output,
  { sink = process.stderr, now = () => performance.now() }: { sink?: Sink; now?: () => number } = {},
): BootProgress {
  const { errorColors: colors } = output
  const line = createStatusLine(output, { sink, now })
  const begin = now()
  let last = ''
  let isOver = false
  const show = () => {
    const seconds = `${((now() - begin) / 1000).toFixed(1)} s`
    line.detail(last === '' ? seconds : `${seconds} · ${last}`)
  }
  let timer: NodeJS.Timeout | undefined
  const start = (phase: string) => {
    clearInterval(timer)
    isOver = false
    line.phase(phase)
    timer = setInterval(show, EVERY_MS).unref()
  }
  start('preparing the machine')
  return {
    preparing(what) {
      last = what
      if (!isOver) show()
    },
    boots(what, how = 'booting') {
      line.clear()
      output.note(`${how} ${colors.bold(what)} ${colors.dim(`· ${LEAVING}`)}`)
      last = ''
      start(how)
    },
    saw(chunk) {
      if (isOver) return
      const lines = Buffer.from(chunk).toString().split('\n').flatMap(screenLines)
      last = lines.findLast((text) => text.trim() !== '')?.trim() ?? last
      show()
    },
    clear() {
      if (isOver) return
      isOver = true
      clearInterval(timer)
      line.clear()
    },
  }
}
