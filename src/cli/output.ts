/** Where a command's words go: results to stdout, everything about the way there to stderr. */
import { createColors } from 'picocolors'

export type Colors = ReturnType<typeof createColors>

/** The little that is needed of a stream, so that tests can pass one of their own. */
export interface Sink {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface Output {
  /** Only JSON may go to stdout. */
  readonly isJson: boolean
  /** Whether stdout is a terminal, that is, whether a person is likely to be reading. */
  readonly isTerminal: boolean
  readonly columns: number
  /** Colours for stdout and for stderr; each may be a terminal or not. */
  readonly colors: Colors
  readonly errorColors: Colors
  /** A line, or lines, of the result for a person. Nothing under --json. */
  print(text: string): void
  /** Text for stdout as it is, whatever the mode: a completion script. */
  raw(text: string): void
  /** The result under --json: one JSON value, indented. Nothing for a person. */
  json(value: unknown): void
  /** A line to stderr: remarks. Nothing under --json. */
  note(text: string): void
  /** A line to stderr, whatever the mode: what is being done that takes minutes. */
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

export function createOutput({ isJson, stdout, stderr, env }: OutputOptions): Output {
  return {
    isJson,
    isTerminal: stdout.isTTY === true,
    columns: stdout.columns ?? 80,
    colors: createColors(!isJson && wantsColor(stdout, env)),
    errorColors: createColors(wantsColor(stderr, env)),
    print: (text) => {
      if (!isJson) stdout.write(`${text}\n`)
    },
    raw: (text) => {
      stdout.write(text)
    },
    json: (value) => {
      if (isJson) stdout.write(`${JSON.stringify(value, null, 2)}\n`)
    },
    note: (text) => {
      if (!isJson) stderr.write(`${text}\n`)
    },
    progress: (text) => {
      stderr.write(`${text}\n`)
    },
    error: (text) => {
      stderr.write(`${text}\n`)
    },
  }
}
