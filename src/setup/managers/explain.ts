/** Finds what a package manager's last words mean, by its own list of messages. Pure. */
import type { Diagnostic, DiagnosticKind } from '../../diagnostics.ts'

/** A message, and the finding that it stands for. */
export type Meaning = readonly [RegExp, DiagnosticKind]

const EVIDENCE_LINES = 20

/** The first meaning that any line has: later words are consequences of earlier ones. Empty when none is known. */
export function explainWith(meanings: readonly Meaning[], lines: readonly string[]): readonly Diagnostic[] {
  const evidence = lines.filter((l) => l.trim() !== '').slice(-EVIDENCE_LINES)
  for (const [pattern, kind] of meanings) {
    const line = lines.find((l) => pattern.test(l))
    if (line !== undefined) return [kind.at('', line.replace(/^[EW]: /, '').trim(), { evidence })]
  }
  return []
}
