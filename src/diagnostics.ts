/** Findings and errors: the one shape in which bringup says that something is wrong. */
import { cut, screenLines, visible } from './guest-text.ts'

export type Severity = 'error' | 'warning' | 'note'

/**
 * What QEMU does with the same input:
 * `refuses` (it exits), `misbehaves` (it starts, and the guest does not get what was asked),
 * `accepts` (the rule is bringup's own, or the guest's).
 */
export type QemuReaction = 'refuses' | 'misbehaves' | 'accepts'

/** A finding about a machine, a host or a run. */
export interface Diagnostic {
  /** Stable, documented, tested: `NVDIMM_NODE_MISSING`. */
  readonly code: string
  readonly severity: Severity
  /** Where in the description: `devices[1].node`. Empty when it is about the whole. */
  readonly path: string
  /** What is wrong, with the values at hand. */
  readonly what: string
  /** Why that matters. */
  readonly why: string
  /** What to do about it. */
  readonly remedy: string
  /** Where the rule comes from: a document, or a message of QEMU's. */
  readonly source?: string
  /** Lines or files that show it: a console tail, QEMU's own words. */
  readonly evidence?: readonly string[]
}

/** What is always true of a diagnostic, wherever it is found. The reference page is made from these. */
export interface DiagnosticKind {
  readonly code: string
  readonly severity: Severity
  /** One line for the reference: when it appears. */
  readonly title: string
  readonly why: string
  readonly remedy: string
  readonly source?: string
  readonly qemu?: QemuReaction
  /** Makes one finding of this kind. Values in it may come from anywhere: control characters are made visible. */
  at(
    path: string,
    what: string,
    more?: { why?: string; remedy?: string; evidence?: readonly string[] },
  ): Diagnostic
}

/** Room for a list of names; a value of a megabyte is no help. */
const LONGEST_WHAT = 4000

type KindSpec = Omit<DiagnosticKind, 'code' | 'at' | 'severity'> & { severity?: Severity }

/**
 * Declares the diagnostics of one file, keyed by code. Severity defaults to `error`.
 *
 * @example
 * const problems = defineDiagnostics({
 *   NVDIMM_NODE_MISSING: { title: '…', why: '…', remedy: '…', qemu: 'refuses' },
 * })
 * problems.NVDIMM_NODE_MISSING.at('devices[0].node', 'nvdimm "pm0" is on node 3, but there are 2 nodes')
 */
export function defineDiagnostics<const Code extends string>(
  specs: Record<Code, KindSpec>,
): Record<Code, DiagnosticKind> {
  const entries = Object.entries<KindSpec>(specs).map(([code, spec]) => {
    const severity = spec.severity ?? 'error'
    const kind: DiagnosticKind = {
      ...spec,
      code,
      severity,
      at: (path, what, more) => ({
        code,
        severity,
        path: cut(visible(path)),
        what: cut(visible(what), LONGEST_WHAT),
        why: visible(more?.why ?? spec.why),
        remedy: visible(more?.remedy ?? spec.remedy),
        ...(spec.source === undefined ? {} : { source: spec.source }),
        ...(more?.evidence === undefined ? {} : { evidence: more.evidence.flatMap(screenLines) }),
      }),
    }
    return [code, kind] as const
  })
  return Object.fromEntries(entries) as Record<Code, DiagnosticKind>
}

/** True when nothing in the list stops a run. */
export function isClean(diagnostics: readonly Diagnostic[]): boolean {
  return !diagnostics.some((d) => d.severity === 'error')
}

/** What an uncaught error shows: the finding, its reason and its remedy. */
function messageOf({ code, path, what, why, remedy }: Diagnostic): string {
  const place = path === '' ? '' : ` at ${path}`
  return visible(`${code}${place}: ${what}`).concat(`\n  why    ${visible(why)}\n  remedy ${visible(remedy)}`)
}

/**
 * A problem of the user or of this computer, as one or more diagnostics. Bugs in bringup throw plain `Error`.
 *
 * @example
 * try {
 *   await launch('a machine that does not exist')
 * } catch (error) {
 *   if (error instanceof BringupError) console.log(error.code, error.diagnostics[0]?.remedy)
 * }
 */
export class BringupError extends Error {
  override readonly name = 'BringupError'
  readonly diagnostics: readonly Diagnostic[]

  constructor(diagnostics: readonly Diagnostic[], options?: ErrorOptions) {
    super(diagnostics.map(messageOf).join('\n'), options)
    this.diagnostics = diagnostics
  }

  /** The first code, by which callers and tests tell errors apart. */
  get code(): string {
    return this.diagnostics[0]?.code ?? 'UNKNOWN'
  }
}
