/** How QEMU, or what was to become QEMU, ended, and all that it said. */
import type { ChildProcess } from 'node:child_process'
import type { Duplex, Readable } from 'node:stream'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { startTimer } from '../timer.ts'
import { problems as findProblems } from './find.ts'
import { logStderr } from './qemu-log.ts'
import { type QmpClient, QmpError } from './qmp.ts'
import { lockRefusals } from './store-locks.ts'

export const problems = defineDiagnostics({
  TOOL_MISSING: {
    title: 'A program of util-linux that supervises QEMU is missing.',
    why: 'setpriv ties QEMU’s life to bringup’s, flock holds the locks of backing files',
    remedy: 'install util-linux (Debian, Ubuntu: apt install util-linux)',
    source: 'setpriv(1), flock(1)',
  },
})

/** How long output may still be on its way when QEMU has gone: a process that QEMU started may have inherited the pipe. */
const DRAIN_MS = 2000

/** Of QEMU's own words, so many characters from the start and from the end are kept; the log file has more. */
const KEPT_STDERR = 64 * 1024

export interface QemuExit {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
  /** The end of `stderr` after which it answered no QMP command: what it may have ended of. */
  readonly lastWords: string
  /** Filled when it was not QEMU that ended: a lock that was taken, a tool that is missing. */
  readonly diagnostics: readonly Diagnostic[]
}

interface Started {
  readonly plan: Pick<GuestPlan, 'qemu' | 'locks'>
  readonly stderrPath?: string
  /** Its standard output, and pipes beside it. */
  readonly outputs: readonly Readable[]
}

/** Waits for the process and for the end of all that it said. Never rejects. */
export function exitOf(child: ChildProcess, qmp: QmpClient, start: Started): Promise<QemuExit> {
  let stderr = ''
  let written = 0
  let hasGreeted = false
  // What was said before an answer did not end QEMU. One question at a time is enough.
  let lastWords = ''
  let isAsking = false
  const ask = () => {
    if (!hasGreeted || isAsking || lastWords === '') return
    isAsking = true
    const said = lastWords.length
    const answered = () => {
      lastWords = lastWords.slice(said)
      isAsking = false
      ask()
    }
    qmp.execute('query-status').then(answered, (error: unknown) => {
      if (error instanceof QmpError) answered()
    })
  }
  qmp.ready.then(
    () => {
      hasGreeted = true
      lastWords = ''
    },
    () => {},
  )
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    // Its start says what was wrong, its end how it ended; a guest can make QEMU warn forever.
    stderr =
      stderr.length + text.length <= 2 * KEPT_STDERR
        ? stderr + text
        : `${stderr.slice(0, KEPT_STDERR)}\n…\n${(stderr.slice(KEPT_STDERR) + text).slice(-KEPT_STDERR)}`
    lastWords = (lastWords + text).slice(0, KEPT_STDERR)
    ask()
    written += text.length
    logStderr(start.stderrPath, text, written)
  })
  return new Promise((resolve) => {
    child.once('error', (error) => {
      const what = `setpriv could not be started: ${error.message}`
      const diagnostics = [problems.TOOL_MISSING.at('', what)]
      resolve({ status: null, signal: null, stderr, lastWords, diagnostics })
    })
    child.once('exit', () => endOutput(child, start.outputs))
    child.once('close', (status, signal) => {
      const diagnostics = hasGreeted ? [] : refusals(status, stderr, start.plan)
      const end = () => resolve({ status, signal, stderr, lastWords, diagnostics })
      // Node does not wait for a pipe that it has not made.
      void Promise.all(start.outputs.map(closed)).then(end)
    })
  })
}

const closed = (stream: Readable) =>
  new Promise<void>((done) => {
    if (stream.closed) done()
    else stream.once('close', () => done())
  })

/** Reads on for as long as output comes, and not for as long as another process keeps the pipes open. */
function endOutput(child: ChildProcess, outputs: readonly Readable[]): void {
  // A stream that is not read does not end. Node does the same with those of the child.
  for (const output of outputs) if (output.readableFlowing === null) output.resume()
  const streams = [...new Set([...child.stdio, ...outputs])].filter(
    (stream) => stream,
  ) as unknown as readonly Duplex[]
  const end = () => {
    for (const stream of streams) stream.destroy()
  }
  let chunks = 0
  // A process that was busy for long reads once more before it decides.
  const endIfSilent = () => {
    const before = chunks
    setImmediate(() => {
      if (chunks === before) end()
    })
  }
  let timer = startTimer(DRAIN_MS, endIfSilent)
  const more = () => {
    chunks++
    timer.clear()
    timer = startTimer(DRAIN_MS, endIfSilent)
  }
  // A listener would make a stream flow before it is read.
  for (const stream of streams) if (stream.readableFlowing === true) stream.on('data', more)
  void Promise.all(outputs.map(closed)).then(() => timer.clear())
}

/** What setpriv and flock say, as diagnostics; nothing when it was QEMU that ended. */
function refusals(status: number | null, stderr: string, plan: Started['plan']): readonly Diagnostic[] {
  const unlocked = lockRefusals(status, stderr, plan.locks)
  if (unlocked.length > 0) return unlocked
  const [, program = '', reason = ''] =
    /^(?:setpriv|flock): failed to execute (.+?): (.*)$/m.exec(stderr) ?? []
  if (program === '') return []
  return program === plan.qemu.path
    ? [findProblems.QEMU_NOT_EXECUTABLE.at('qemu', `${program} could not be started: ${reason}`)]
    : [problems.TOOL_MISSING.at('', `${program} could not be started: ${reason}`)]
}
