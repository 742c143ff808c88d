/** Reports of the guest's kernel: read from its log while it still runs, judged when it has ended. */
import { once } from 'node:events'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { MachineConfig } from '../machine/machine.ts'
import type { KernelLog, KernelReport } from '../project/profile.ts'
import type { QmpClient } from '../qemu/qmp.ts'
import { deadlineSignal } from '../timer.ts'
import type { Shell } from './shell.ts'

export const problems = defineDiagnostics({
  KERNEL_REPORTED: {
    title: 'The kernel of the guest reported a warning, a bug, a stall or a deadlock.',
    why: 'a result on a broken kernel is unreliable, whatever the command returned',
    remedy:
      'read the report below; allow a known one with --allow-report REGEX or `kernelReports: { allow: [...] }`, or omit the check with --no-kernel-reports',
  },
  KERNEL_LOG_UNREAD: {
    severity: 'warning',
    title: 'The kernel log of the guest could not be read at the end of the run.',
    why: 'reports that the console did not show are not known; with `quiet` it shows errors only',
    remedy: 'see that the kernel has CONFIG_PRINTK and /dev/kmsg; or omit the check with --no-kernel-reports',
  },
})

/** Nothing is lost by ending a guest that no longer answers. */
const READ_LIMIT_MS = 10_000
const MOST_REPORTS = 10
const MOST_LINES = 300

/** What was found. */
export interface Reported {
  readonly reports: readonly KernelReport[]
  /** Why the log could not be read, where it was to be. */
  readonly unread?: string
}

/** Reads the log of one guest, as often as its end is near. */
export class KernelLogReader {
  readonly #log: KernelLog | undefined
  readonly #shell: Shell | undefined
  readonly #qmp: Pick<QmpClient, 'execute'>
  /** Contents of the files, one entry a reading: a reboot empties the kernel's log. */
  readonly #readings: (readonly string[])[] = []
  #unread: string | undefined

  constructor(
    log: KernelLog | undefined,
    {
      wanted,
      shell,
      qmp,
    }: {
      readonly wanted: MachineConfig['kernelReports']
      readonly shell: Shell | undefined
      readonly qmp: Pick<QmpClient, 'execute'>
    },
  ) {
    this.#log = wanted === false ? undefined : log
    this.#shell = shell
    this.#qmp = qmp
  }

  /** Reads what the kernel has logged up to now, where the guest answers. */
  async read(ended: Promise<unknown>): Promise<void> {
    if (!this.#log || !this.#shell?.isReady) return
    const { files } = this.#log
    const shell = this.#shell
    // Both are asked at once. What a stopped guest would send is not waited for.
    const contents = Promise.allSettled(
      files.map(async (path) => (await shell.readFile(path)).toString('latin1')),
    )
    if (!(await this.#isRunning(ended))) return
    const limit = once(AbortSignal.timeout(READ_LIMIT_MS), 'abort')
    const read = await Promise.race([contents, limit, ended])
    if (!isSettled(read)) {
      this.#unread = `the guest did not send ${files.join(' and ')}`
      return
    }
    // A command may have hidden one of them.
    const texts = read.map((one) => (one.status === 'fulfilled' ? one.value : ''))
    if (read.some(({ status }) => status === 'fulfilled')) this.#readings.push(texts)
    const failed = read.find((one) => one.status === 'rejected')
    this.#unread = failed && (failed.reason as Error).message
  }

  /** A guest that was stopped cannot answer, and a QEMU that was stopped cannot say so. */
  async #isRunning(ended: Promise<unknown>): Promise<boolean> {
    const { signal, clear } = deadlineSignal(READ_LIMIT_MS)
    const silence = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    const answer = this.#qmp.execute('query-status').catch(() => undefined)
    const status = await Promise.race([answer, silence, ended.then(() => undefined)])
    clear()
    return status?.status === 'running'
  }

  /** Every report, once the guest has ended. */
  find(console: () => string): Reported {
    const log = this.#log
    if (!log) return { reports: [] }
    const readings = this.#readings.length > 0 ? this.#readings : [[]]
    const text = console()
    const all = readings.flatMap((contents, i) => log.find({ contents, console: i === 0 ? text : '' }))
    const unique = [...new Map(all.map((report) => [report.lines.join('\n'), report])).values()]
    return { reports: unique, ...(this.#unread === undefined ? {} : { unread: this.#unread }) }
  }
}

type Settled = readonly PromiseSettledResult<string>[]

const isSettled = (read: unknown): read is Settled =>
  Array.isArray(read) && read.every((one) => typeof one === 'object' && one !== null && 'status' in one)

/** Those that are not allowed, as findings; the reports beyond the first ten are counted. */
export function reportFindings(
  { reports, unread }: Reported,
  wanted: MachineConfig['kernelReports'],
): readonly Diagnostic[] {
  if (wanted === false) return []
  const allowed = (wanted?.allow ?? []).map((source) => new RegExp(source))
  const wrong = reports.filter(({ lines }) => !lines.some((line) => allowed.some((p) => p.test(line))))
  const more = wrong.length - MOST_REPORTS
  return [
    ...wrong
      .slice(0, MOST_REPORTS)
      .map(({ title, lines }, i) =>
        problems.KERNEL_REPORTED.at(
          '',
          `the kernel reported: ${title}${more > 0 && i === MOST_REPORTS - 1 ? ` (and ${more} more)` : ''}`,
          { evidence: lines.slice(0, MOST_LINES) },
        ),
      ),
    ...(unread === undefined ? [] : [problems.KERNEL_LOG_UNREAD.at('', unread)]),
  ]
}
