/** From everything known at a guest's end to the result of its run. Pure. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { Judgement, Origin } from '../plan/plan.ts'
import type { Comparison, Verification } from '../plan/verify.ts'
import { plural } from '../plural.ts'
import type { Ending } from './ending.ts'
import { endedWithinWrite, type Judged, judge } from './judge.ts'
import type { GuestResult } from './record.ts'
import { EXIT_CODES } from './verdict.ts'

export const problems = defineDiagnostics({
  GUEST_DIFFERS: {
    title: 'The guest found hardware that differs from the description.',
    why: 'a test on such a machine says nothing about the machine described',
    remedy: 'see the table; `bringup plan` shows the QEMU command',
  },
  GUEST_NOT_COMPARED: {
    title: 'The guest reported no hardware, or only a part of it, and the run was to be verified.',
    why: 'a run can be verified only with a complete report of the guest',
    remedy:
      'choose a profile whose guest reports its hardware (one with a `view`, such as `probe`), or run with --no-verify',
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
  /** Undefined where no comparison was wanted. */
  readonly verification: Verification | undefined
  /** The machine has a screen, where panics are looked for. */
  readonly hasScreen?: boolean
  readonly logError: Error | undefined
  readonly timings: GuestResult['timings']
  readonly origin?: Origin | undefined
  readonly folder: string
}

/** A guest that passed on hardware that differs, or that reported no hardware, has not passed. */
export function conclude(conclusion: Conclusion): GuestResult {
  const {
    ending,
    judged,
    remarks = [],
    guest,
    reports,
    verification,
    hasScreen = false,
    logError,
    timings,
    origin,
    folder,
  } = conclusion
  const doubt = judged.verdict === 'passed' && verification ? doubtOf(verification) : undefined
  const reported = reports.find((d) => d.severity === 'error')
  const wasClosed = ending.endedBy === 'close' && judged.verdict === 'interrupted'
  const broken = judged.verdict === 'passed' || wasClosed ? reported : undefined
  const verdict = doubt || broken ? 'failed' : judged.verdict
  const diagnostics = [
    ...judged.diagnostics,
    ...remarks,
    ...(doubt?.diagnostics ?? []),
    // The report of a crash is its own evidence.
    ...(judged.verdict === 'crashed' ? [] : reports),
    ...(logError ? [problems.RUN_LOG_INCOMPLETE.at('', logError.message)] : []),
  ]
  // `run -- COMMAND` returns the command's code; its 0 is not the code of a run that failed otherwise.
  const exit = ending.shellExit ?? (verdict === 'failed' ? ending.consoleExit : undefined)
  const isCommand = exit !== undefined && (verdict === 'passed' || verdict === 'failed')
  const command = verdict === 'passed' || exit !== 0 ? exit : undefined
  const unread = verdict === 'passed' && hasScreen && endedWithinWrite(ending) ? [LAST_SCREEN] : []
  const notCompared = [...(verification?.notCompared ?? []), ...unread]
  return {
    verdict,
    exitCode: (isCommand ? command : undefined) ?? EXIT_CODES[verdict],
    ...(judged.guestCode === undefined ? {} : { guestCode: judged.guestCode }),
    meaning: broken?.what ?? doubt?.meaning ?? judged.meaning,
    diagnostics: diagnostics.map((d) => ({ ...d, evidence: d.evidence ? [...d.evidence] : undefined })),
    ...(guest ? { guest } : {}),
    ...(verification ? { comparison: [...verification.comparison] } : {}),
    ...(verification || notCompared.length > 0 ? { notCompared } : {}),
    timings,
    ...(origin ? { origin: { kind: origin.kind, because: origin.because } } : {}),
    folder,
  }
}

/** A panic that the guest drew right before its end would be there. */
const LAST_SCREEN = {
  device: 'display',
  aspect: 'last screen',
  because: 'isa-debug-exit ended QEMU at once; QEMU 9.1 and later wait until the screen is read',
}

/** Why a guest that ended well has not passed; undefined when it has. */
function doubtOf({
  comparison,
  missing,
}: Verification): { readonly meaning: string; readonly diagnostics: readonly Diagnostic[] } | undefined {
  const wrong = comparison.filter((c) => !c.ok)
  if (missing.length > 0)
    return {
      meaning: 'the machine could not be verified: the guest’s report is missing or incomplete',
      diagnostics: [
        notCompared(missing),
        ...(wrong.length > 0 ? [difference(wrong, comparison.length)] : []),
      ],
    }
  if (wrong.length === 0) return undefined
  return {
    meaning: 'the guest found hardware that differs from the description',
    diagnostics: [difference(wrong, comparison.length)],
  }
}

/** The finding for a report of which these parts are missing. */
export function notCompared(missing: readonly string[]): Diagnostic {
  const what = `missing: ${missing.slice(0, 3).join('; ')}${missing.length > 3 ? '; …' : ''}`
  return problems.GUEST_NOT_COMPARED.at('', what, { evidence: missing })
}

function difference(wrong: readonly Comparison[], total: number): Diagnostic {
  const rows = wrong.map((c) => `${c.device} ${c.aspect}: asked ${c.want}, ${c.by} saw ${c.got ?? 'nothing'}`)
  return problems.GUEST_DIFFERS.at(
    '',
    `${wrong.length} of ${plural(total, 'property', 'properties')} ${wrong.length === 1 ? 'differs' : 'differ'}`,
    { evidence: rows },
  )
}
