/** Options that write the results of a sweep for other programs. */
import { csvOf, githubOf, junitOf, ktapOf, type Results, tapOf } from '../sweeps/reports.ts'
import type { OptionSpec } from './command.ts'
import type { Output } from './output.ts'
import { writeNamedFile } from './write-file.ts'

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

/** @returns Whether stdout is taken by one of them. */
export function writeReports(
  options: Readonly<Record<string, unknown>>,
  results: Results,
  output: Output,
): boolean {
  if (typeof options.junit === 'string') writeNamedFile('--junit', options.junit, junitOf(results))
  if (typeof options.csv === 'string') writeNamedFile('--csv', options.csv, csvOf(results))
  if (output.isJson) return false
  if (options.github === true) output.raw(githubOf(results))
  if (options.tap === true) output.raw(tapOf(results))
  if (options.ktap === true) output.raw(ktapOf(results))
  return options.tap === true || options.ktap === true
}
