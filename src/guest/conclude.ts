/** From everything known at a guest's end to the result of its run. Pure. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { Judgement } from '../plan/plan.ts'
import type { Comparison } from '../plan/verify.ts'
import { type Ending, type Judged, judge } from '../runs/judge.ts'
import type { RunResult } from '../runs/record.ts'
import { EXIT_CODES } from '../runs/verdict.ts'

export const problems = defineDiagnostics({
  GUEST_DIFFERS: {
    title: 'The guest did not see the hardware that was asked for.',
    why: 'a test on such a machine would prove nothing about the machine described',
    remedy: 'see the table; `bringup plan` shows what QEMU was told',
  },
  RUN_LOG_INCOMPLETE: {
    severity: 'warning',
    title: 'Part of the record of a run could not be written.',
    why: 'the guest went on, but what it said from then on is not in the log',
    remedy: 'free space on the disk of the run folder, or keep the state elsewhere with --state',
  },
})

/** How the guest ended. What kept the guest from running comes before everything else. */
export function judgeEnding(ending: Ending, judgement: Judgement, obstacles: readonly Diagnostic[]): Judged {
  if (obstacles.length === 0) return judge(ending, judgement)
  return { verdict: 'machine-failed', meaning: obstacles[0]?.what ?? '', diagnostics: obstacles }
}

/** What is put together to the result. */
export interface Conclusion {
  readonly ending: Ending
  readonly judged: Judged
  /** Further findings of the run. */
  readonly remarks?: readonly Diagnostic[]
  readonly guest: unknown
  /** Findings of the kernel's own reports, and what is to be said of how they were looked for. */
  readonly reports: readonly Diagnostic[]
  readonly comparison: readonly Comparison[] | undefined
  readonly logError: Error | undefined
  readonly timings: RunResult['timings']
  readonly folder: string
}

/** A guest that passed on other hardware than was asked for has not passed. */
export function conclude(conclusion: Conclusion): RunResult {
  const { ending, judged, remarks = [], guest, reports, comparison, logError, timings, folder } = conclusion
  const wrong = comparison?.filter((c) => !c.ok) ?? []
  const differs = wrong.length > 0 && judged.verdict === 'passed'
  const reported = reports.find((d) => d.severity === 'error')
  const wasClosed = ending.endedBy === 'close' && judged.verdict === 'interrupted'
  const isBroken = reported !== undefined && (judged.verdict === 'passed' || wasClosed)
  const verdict = differs || isBroken ? 'failed' : judged.verdict
  const diagnostics = [
    ...judged.diagnostics,
    ...remarks,
    ...(differs ? [difference(wrong, comparison?.length ?? 0)] : []),
    // The report of a crash is its own evidence.
    ...(judged.verdict === 'crashed' ? [] : reports),
    ...(logError ? [problems.RUN_LOG_INCOMPLETE.at('', logError.message)] : []),
  ]
  // `run -- COMMAND` returns the command's code; its 0 is not the code of a run that failed otherwise.
  const isCommand = ending.endedBy === 'shell-exit' && (verdict === 'passed' || verdict === 'failed')
  const command = verdict === 'passed' || ending.shellExit !== 0 ? ending.shellExit : undefined
  return {
    verdict,
    exitCode: (isCommand ? command : undefined) ?? EXIT_CODES[verdict],
    ...(judged.guestCode === undefined ? {} : { guestCode: judged.guestCode }),
    meaning: isBroken
      ? (reported?.what ?? '')
      : differs
        ? 'the guest did not see the hardware that was asked for'
        : judged.meaning,
    diagnostics: diagnostics.map((d) => ({ ...d, evidence: d.evidence ? [...d.evidence] : undefined })),
    ...(guest ? { guest } : {}),
    ...(comparison ? { comparison: [...comparison] } : {}),
    timings,
    folder,
  }
}

function difference(wrong: readonly Comparison[], total: number): Diagnostic {
  const rows = wrong.map((c) => `${c.device} ${c.aspect}: asked ${c.want}, saw ${c.got ?? 'nothing'}`)
  return problems.GUEST_DIFFERS.at('', `${wrong.length} of ${total} things differ`, { evidence: rows })
}
