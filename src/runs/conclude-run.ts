/** From the ends of its guests to the result of a run. Pure. */
import type { Diagnostic } from '../diagnostics.ts'
import type { GuestResult } from '../guest/record.ts'
import { EXIT_CODES, type Verdict } from '../guest/verdict.ts'
import type { RunResult } from './record.ts'

/** How one guest ended. */
export interface GuestEnd {
  readonly guest: string
  readonly counts: boolean
  /** Absent for a guest that was never started. */
  readonly result?: GuestResult
  /** The run ended it, because the run was over: its own verdict says nothing. */
  readonly wasClosed: boolean
  /** Why it was never started: its condition could not be met, it could not be started, or the run was ended first. */
  readonly skipped?: 'unmet' | 'failed' | 'ended'
}

export interface RunEnd {
  readonly isRack: boolean
  readonly guests: readonly GuestEnd[]
  /** Findings of the run itself. */
  readonly diagnostics: readonly Diagnostic[]
  readonly timings: RunResult['timings']
  readonly folder: string
}

/** The worst first. */
const RANKS: readonly Verdict[] = [
  'machine-failed',
  'crashed',
  'timed-out',
  'failed',
  'interrupted',
  'passed',
]

export function concludeRun(end: RunEnd): RunResult {
  const { guests, timings, folder } = end
  const own = end.diagnostics.map((d) => ({ ...d, evidence: d.evidence ? [...d.evidence] : undefined }))
  const common = {
    diagnostics: [...own, ...guests.flatMap(({ result }) => result?.diagnostics ?? [])],
    guests: guests.map(({ guest, counts, result }) => ({ guest, counts, ...(result ? { result } : {}) })),
    timings,
    folder,
  }
  const [only] = guests
  const wrong = end.diagnostics.find((d) => d.severity === 'error')
  // A pass of the guest proves nothing where what the run shares with it has failed.
  const isDoubtful = wrong !== undefined && only?.result?.verdict === 'passed'
  if (!end.isRack && only?.result && !isDoubtful) {
    const { verdict, exitCode, meaning } = only.result
    return { verdict, exitCode, meaning, ...common, timings: only.result.timings }
  }
  const { verdict, meaning } = judgeRun(end)
  return { verdict, exitCode: EXIT_CODES[verdict], meaning, ...common }
}

function judgeRun({ guests, diagnostics }: RunEnd): { readonly verdict: Verdict; readonly meaning: string } {
  // A crash is never part of a pass.
  const counted = guests.filter(
    ({ counts, wasClosed, result }) => (counts || result?.verdict === 'crashed') && !wasClosed,
  )
  const ended = counted.flatMap(({ guest, result }) =>
    result ? [{ name: guest, verdict: result.verdict, meaning: result.meaning }] : [],
  )
  const [worst] = ended.toSorted((a, b) => RANKS.indexOf(a.verdict) - RANKS.indexOf(b.verdict))
  const wrong = diagnostics.find((d) => d.severity === 'error')
  const hasFailed = guests.some(({ skipped }) => skipped === 'failed')
  if (worst && worst.verdict !== 'passed')
    return { verdict: worst.verdict, meaning: `guest "${worst.name}": ${worst.meaning}` }
  if (hasFailed) return { verdict: 'machine-failed', meaning: wrong?.what ?? 'a guest could not be started' }
  if (wrong) return { verdict: 'failed', meaning: wrong.what }
  const unknown = guests.filter(({ counts, result, wasClosed }) => counts && (wasClosed || !result))
  if (unknown.length > 0 || ended.length === 0)
    return { verdict: 'interrupted', meaning: 'the run was ended before its guests had' }
  return {
    verdict: 'passed',
    meaning: ended.length === 1 ? `guest "${ended[0]?.name}" passed` : `all ${ended.length} guests passed`,
  }
}
