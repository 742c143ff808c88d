/** Prints findings and errors: text on stderr, or one JSON shape. */
import { BringupError, type Diagnostic, defineDiagnostics, type Severity } from '../diagnostics.ts'
import { EXIT_CODES } from '../guest/verdict.ts'
import { screenLines, visible } from '../guest-text.ts'
import type { Colors, Output } from './output.ts'
import { fitText, type Page } from './width.ts'

export const problems = defineDiagnostics({
  HOST_LIMIT: {
    title: 'A limit of this computer was reached: open files, or space on a disk.',
    why: 'the operating system refused the call',
    remedy: 'raise the limit, or free space',
    source: 'errno(3)',
  },
})

const LABELS: Record<Severity, string> = { error: 'error', warning: 'warning', note: 'note' }

/** One finding as a block of lines: what, then why and what to do, then whatever shows it. */
export function formatDiagnostic(diagnostic: Diagnostic, { colors, columns }: Page): string {
  const paint = { error: colors.red, warning: colors.yellow, note: colors.cyan }[diagnostic.severity]
  const head = `${paint(colors.bold(LABELS[diagnostic.severity]))} ${colors.bold(visible(diagnostic.code))}`
  const place = diagnostic.path === '' ? '' : `  ${colors.dim('at')} ${visible(diagnostic.path)}`
  const lines = [
    `${head}${place}`,
    ...indent(diagnostic.what),
    ...labelled('why', diagnostic.why, colors),
    ...labelled('remedy', diagnostic.remedy, colors),
    ...(diagnostic.source === undefined ? [] : labelled('source', diagnostic.source, colors)),
    ...(diagnostic.evidence ?? []).flatMap(screenLines).map((line) => `  ${colors.dim('│')} ${line}`),
  ]
  return fitText(lines.join('\n'), columns)
}

function indent(text: string): readonly string[] {
  return visible(text)
    .split('\n')
    .map((line) => `  ${line}`)
}

function labelled(label: string, text: string, colors: Colors): readonly string[] {
  const [first = '', ...others] = visible(text).split('\n')
  return [`  ${colors.dim(label.padEnd(7))}${first}`, ...others.map((line) => `${' '.repeat(9)}${line}`)]
}

/** Several findings, errors first, a blank line between blocks. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[], page: Page): string {
  const order: Record<Severity, number> = { error: 0, warning: 1, note: 2 }
  const sorted = diagnostics.toSorted((a, b) => order[a.severity] - order[b.severity])
  return sorted.map((d) => formatDiagnostic(d, page)).join('\n\n')
}

/**
 * Reports why a command failed, and returns the exit code of the process. A user's problem is shown as findings;
 * anything else is a bug of bringup, shown with its stack. `exitCode` is for commands that had already begun.
 */
export function reportError(
  error: unknown,
  output: Output,
  signal: AbortSignal,
  exitCode: number = EXIT_CODES.refused,
): number {
  if (error instanceof BringupError) return reportDiagnostics(error.diagnostics, output, exitCode)
  if (signal.aborted) return EXIT_CODES.interrupted
  const limit = limitReached(error)
  if (limit) return reportDiagnostics([limit], output, exitCode)
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const bug: Diagnostic = {
    code: 'BRINGUP_BUG',
    severity: 'error',
    path: '',
    what: error instanceof Error ? error.message : String(error),
    why: 'this is a bug of bringup, not a mistake in your description',
    remedy: 'report it with the lines below and the output of `bringup doctor --json`',
    evidence: words.split('\n').slice(0, 12),
  }
  return reportDiagnostics([bug], output, EXIT_CODES.internal)
}

/** What the remedy is for each limit of this computer (errno(3)). */
const LIMITS: Readonly<Record<string, string>> = {
  EMFILE: 'raise the limit of open files: ulimit -n 1024',
  ENFILE: 'close programs: the whole computer has too many open files (fs.file-max)',
  ENOSPC: 'free space on that disk',
  EDQUOT: 'free space within your disk quota',
  EROFS: 'use a folder on a disk that is not mounted read-only',
}

/** A limit of this computer that no rule foresaw; undefined for every other error. */
function limitReached(error: unknown): Diagnostic | undefined {
  const { code = '', syscall } = error as NodeJS.ErrnoException
  const remedy = LIMITS[code]
  if (remedy === undefined || syscall === undefined) return undefined
  return problems.HOST_LIMIT.at('', (error as Error).message, { remedy })
}

function reportDiagnostics(diagnostics: readonly Diagnostic[], output: Output, exitCode: number): number {
  if (output.isJson) output.json({ exitCode, diagnostics })
  else output.error(formatDiagnostics(diagnostics, output.errorPage))
  return exitCode
}
