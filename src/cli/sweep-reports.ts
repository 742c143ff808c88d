/** Options that write the results of a sweep for other programs. */
import { resolve } from 'node:path'
import { csvOf, githubOf, junitOf, ktapOf, type Results, tapOf } from '../sweeps/reports.ts'
import type { OptionSpec } from './command.ts'
import type { Output } from './output.ts'
import { isCsv, isJunit } from './own-outputs.ts'
import { usageError } from './usage.ts'
import { checkNamedFile, type NamedFile, writeNamedFile } from './write-file.ts'

export const REPORT_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--junit <file>',
    description: 'write the results to this file as XML, as JUnit does',
    from: 'files',
  },
  { flags: '--csv <file>', description: 'write a line for each run to this file', from: 'files' },
  { flags: '--tap', description: 'print the results as TAP (testanything.org)' },
  { flags: '--ktap', description: 'print the results as KTAP, with a subtest for each run' },
  { flags: '--github', description: 'print annotations for GitHub Actions' },
]

type Values = Readonly<Record<string, unknown>>

function filesOf({ junit, csv }: Values): { readonly junit?: NamedFile; readonly csv?: NamedFile } {
  return {
    ...(typeof junit === 'string' ? { junit: { option: '--junit', path: junit, isOurs: isJunit } } : {}),
    ...(typeof csv === 'string' ? { csv: { option: '--csv', path: csv, isOurs: isCsv } } : {}),
  }
}

/**
 * Refuses files that could not be written, before the sweep runs.
 *
 * @throws BringupError OPTION_FILE_NOT_WRITTEN, OPTION_FILE_TAKEN; usage error for one file of two kinds
 */
export function checkReports(options: Values): void {
  const { junit, csv } = filesOf(options)
  for (const file of [junit, csv]) if (file) checkNamedFile(file)
  if (junit && csv && resolve(junit.path) === resolve(csv.path))
    throw usageError(`--junit and --csv name the same file, ${csv.path}`, 'name two files')
}

/** @returns Whether stdout is taken by one of them. */
export function writeReports(options: Values, results: Results, output: Output): boolean {
  const { junit, csv } = filesOf(options)
  if (junit) writeNamedFile(junit, junitOf(results))
  if (csv) writeNamedFile(csv, csvOf(results))
  if (output.isJson) return false
  if (options.github === true) output.raw(githubOf(results))
  if (options.tap === true) output.raw(tapOf(results))
  if (options.ktap === true) output.raw(ktapOf(results))
  return options.tap === true || options.ktap === true
}
