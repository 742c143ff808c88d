/** The interpreter that the first line of a script names. */
import { closeSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'

/** Linux reads 256 bytes (BINPRM_BUF_SIZE). */
const LONGEST = 256

/**
 * The programs that a script needs: the one behind `#!`, and the one that `env` starts.
 *
 * @example
 * interpretersIn('#!/usr/bin/env -S python3 -u') // ['/usr/bin/env', 'python3']
 */
export function interpretersIn(start: string): readonly string[] {
  const [, line] = /^#![ \t]*([^\n]*)/.exec(start) ?? []
  const [interpreter, ...words] = (line ?? '').split(/[ \t]+/).filter(Boolean)
  if (interpreter === undefined) return []
  if (basename(interpreter) !== 'env') return [interpreter]
  const program = words.find((word) => !word.startsWith('-') && !word.includes('='))
  return program === undefined ? [interpreter] : [interpreter, program]
}

/** The same of a file; none for a file that is no script. */
export function interpretersOf(path: string): readonly string[] {
  const start = Buffer.alloc(LONGEST)
  const file = openSync(path, 'r')
  try {
    return interpretersIn(start.toString('latin1', 0, readSync(file, start, 0, LONGEST, 0)))
  } finally {
    closeSync(file)
  }
}
