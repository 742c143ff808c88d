/** Output of a command: results to stdout, progress and errors to stderr. */
import { createColors } from 'picocolors'
import { printable, printableJson } from '../guest-text.ts'
import { fitText, type Page } from './width.ts'

export type Colors = ReturnType<typeof createColors>

/** The part of a stream that is used, so that tests can pass a substitute. */
export interface Sink {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface Output {
  /** Only JSON may go to stdout. */
  readonly isJson: boolean
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean
  /** Width of stdout; no limit where it is not a terminal. */
  readonly columns: number
  /** Colours for stdout and for stderr; each may be a terminal or not. */
  readonly colors: Colors
  readonly errorColors: Colors
  /** What is laid out for stderr. */
  readonly errorPage: Page
  /** A line, or lines, of the result for a person. Nothing under --json. */
  print(text: string): void
  /** Text for stdout whatever the mode, never broken into lines: a completion script, a command to paste. */
  raw(text: string): void
  /** The result under --json: one JSON value, indented. Nothing for a person. */
  json(value: unknown): void
  /** A line to stderr: remarks. Nothing under --json. */
  note(text: string): void
  /** A line to stderr, whatever the mode: the current step of long work. */
  progress(text: string): void
  /** A line to stderr, whatever the mode: errors. */
  error(text: string): void
}

export interface OutputOptions {
  readonly isJson: boolean
  readonly stdout: Sink
  readonly stderr: Sink
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Colour only on a terminal. NO_COLOR takes it away (no-color.org: any non-empty value), FORCE_COLOR gives it anyway
 * (force-color.org; `0` counts as unset), and a dumb terminal has none.
 */
export function wantsColor(sink: Sink, env: OutputOptions['env']): boolean {
  if (env.NO_COLOR) return false
  if (env.FORCE_COLOR && env.FORCE_COLOR !== '0') return true
  return sink.isTTY === true && env.TERM !== 'dumb'
}

/** Escapes every control character that bringup did not write. */
export function createOutput({ isJson, stdout, stderr, env }: OutputOptions): Output {
  const colors = createColors(!isJson && wantsColor(stdout, env))
  const errorColors = createColors(wantsColor(stderr, env))
  const [columns, errorColumns] = [columnsOf(stdout), columnsOf(stderr)]
  const toStdout = (text: string) => stdout.write(printable(text, colors.isColorSupported))
  const toStderr = (text: string) =>
    stderr.write(`${fitText(printable(text, errorColors.isColorSupported), errorColumns)}\n`)
  return {
    isJson,
    isTerminal: stdout.isTTY === true,
    columns,
    colors,
    errorColors,
    errorPage: { colors: errorColors, columns: errorColumns },
    print: (text) => {
      if (!isJson) stdout.write(`${fitText(printable(text, colors.isColorSupported), columns)}\n`)
    },
    raw: (text) => {
      toStdout(text)
    },
    json: (value) => {
      if (isJson) stdout.write(`${printableJson(JSON.stringify(value, null, 2))}\n`)
    },
    note: (text) => {
      if (!isJson) toStderr(text)
    },
    progress: (text) => {
      toStderr(text)
    },
    error: (text) => {
      toStderr(text)
    },
  }
}

/** A terminal that does not report its width is taken for one of 80 columns. */
function columnsOf(sink: Sink): number {
  return sink.isTTY === true ? sink.columns || 80 : Number.POSITIVE_INFINITY
}
