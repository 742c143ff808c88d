/** Writes the report of a run or a sweep: a page, or a summary as Markdown. */
import { join } from 'node:path'
import { writeWhole } from '../own-files.ts'
import type { RunFolder } from '../runs/record.ts'
import type { SweepFolder } from '../sweeps/record.ts'
import { formatRoundBytes } from '../units.ts'
import type { Invocation, OptionSpec } from './command.ts'
import { isReport } from './own-outputs.ts'
import { shortPath } from './run-report.ts'
import { usageError } from './usage.ts'
import { checkNamedFile, type NamedFile, writeNamedFile } from './write-file.ts'

/** Name of the report in the folder of the run, or of the sweep, where no file is named. */
const REPORT = 'report.html'

export const REPORT_FILE_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '-o, --output <file>',
    description: 'write to this file; `-` is standard output',
    from: 'files',
  },
  { flags: '--compare <sweep>', description: 'with a sweep: compare it with this earlier one' },
  {
    flags: '--markdown',
    description: 'write a summary as Markdown instead, to standard output by default',
  },
]

export type Reported =
  | { readonly run: RunFolder; readonly sweep?: undefined }
  | { readonly run?: undefined; readonly sweep: SweepFolder }

/** @returns the exit code */
export async function writeReport(
  { run, sweep }: Reported,
  { options, output, project }: Pick<Invocation, 'options' | 'output' | 'project'>,
): Promise<number> {
  const { stateFolder } = await project()
  const wanted = typeof options.output === 'string' ? options.output : undefined
  const compareWith = typeof options.compare === 'string' ? options.compare : undefined
  const isMarkdown = options.markdown === true
  if (sweep === undefined && compareWith !== undefined)
    throw usageError('--compare compares sweeps, and this is a run', 'name a sweep')
  const folder = (run ?? sweep)?.path ?? ''
  const file = wanted ?? (isMarkdown ? '-' : join(folder, REPORT))
  if (file === '-' && output.isJson)
    throw usageError('--json prints where the report is', 'name a file: --output report.html')
  const named: NamedFile | undefined =
    wanted === undefined || file === '-' ? undefined : { option: '--output', path: file, isOurs: isReport }
  if (named) checkNamedFile(named)
  const text = sweep
    ? await sweepText(stateFolder, sweep, { compareWith, isMarkdown })
    : await runText(run, isMarkdown)
  if (file === '-') {
    output.raw(text)
    return 0
  }
  if (named) writeNamedFile(named, text)
  else writeWhole(file, text)
  const bytes = Buffer.byteLength(text)
  output.json({ ...(run ? { run: run.id } : {}), ...(sweep ? { sweep: sweep.id } : {}), file, bytes })
  output.print(`${shortPath(file)} (${formatRoundBytes(bytes)})`)
  return 0
}

async function runText(run: RunFolder, isMarkdown: boolean): Promise<string> {
  const [{ readRunReport }, { RUN_ROOM, runDocument }, { runMarkdown }] = await Promise.all([
    import('../report/read-run.ts'),
    import('../report/run-document.ts'),
    import('../report/markdown.ts'),
  ])
  const read = readRunReport(run, RUN_ROOM)
  return isMarkdown ? runMarkdown(read) : runDocument(read)
}

async function sweepText(
  stateFolder: string,
  folder: SweepFolder,
  { compareWith, isMarkdown }: { readonly compareWith: string | undefined; readonly isMarkdown: boolean },
): Promise<string> {
  const { readSweepReport } = await import('../report/read-sweep.ts')
  const read = readSweepReport(stateFolder, folder, compareWith)
  if (isMarkdown) return (await import('../report/markdown.ts')).sweepMarkdown(read)
  return (await import('../report/sweep-document.ts')).sweepDocument(read)
}
