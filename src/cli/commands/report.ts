/** `bringup report`: a run or a sweep as one HTML file. */
import { join } from 'node:path'
import { writeWhole } from '../../own-files.ts'
import { findRun, type RunFolder } from '../../runs/record.ts'
import type { SweepFolder } from '../../sweeps/record.ts'
import { formatRoundBytes } from '../../units.ts'
import type { Command, Invocation } from '../command.ts'
import { shortPath } from '../run-report.ts'
import { usageError } from '../usage.ts'
import { writeNamedFile } from '../write-file.ts'

/** Name of the report in the folder of the run, or of the sweep, where no file is named. */
const REPORT = 'report.html'

export const command: Command = {
  summary: 'write a run or a sweep as one HTML file, to look at and to hand on',
  description:
    'The file has everything in it and loads nothing: open it in a browser, or keep it as an artifact of CI. Without --output it is written to the folder of the run or sweep.',
  arguments: [
    {
      name: '[run]',
      description:
        'run or sweep: id, name, a unique prefix or suffix of an id; `last` is the newest run (default)',
      from: 'runs',
    },
  ],
  options: [
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
  ],
  examples: [
    { command: 'bringup report', says: 'the newest run' },
    { command: 'bringup report last -o report.html', says: 'in this folder, such as for an artifact of CI' },
    { command: 'bringup report numa --compare main', says: 'a sweep, and what changed since an earlier one' },
    { command: 'xdg-open "$(bringup report --json | jq -r .file)"', says: 'write it and open it' },
    {
      command: 'bringup report --markdown >> "$GITHUB_STEP_SUMMARY"',
      says: 'the summary of a GitHub job',
    },
  ],
  run: report,
}

async function report({ args, options, output, project }: Invocation): Promise<number> {
  const { stateFolder } = await project()
  const { run, sweep } = await found(stateFolder, args[0] ?? 'last')
  const wanted = typeof options.output === 'string' ? options.output : undefined
  const compareWith = typeof options.compare === 'string' ? options.compare : undefined
  const isMarkdown = options.markdown === true
  if (sweep === undefined && compareWith !== undefined)
    throw usageError('--compare compares sweeps, and this is a run', 'name a sweep')
  const folder = (run ?? sweep)?.path ?? ''
  const file = wanted ?? (isMarkdown ? '-' : join(folder, REPORT))
  if (file === '-' && output.isJson)
    throw usageError('--json prints where the report is', 'name a file: --output report.html')
  const text = sweep
    ? await sweepText(stateFolder, sweep, { compareWith, isMarkdown })
    : await runText(run, isMarkdown)
  if (file === '-') {
    output.raw(text)
    return 0
  }
  if (wanted === undefined) writeWhole(file, text)
  else writeNamedFile('--output', file, text)
  const bytes = Buffer.byteLength(text)
  output.json({ ...(run ? { run: run.id } : {}), ...(sweep ? { sweep: sweep.id } : {}), file, bytes })
  output.print(`${shortPath(file)} (${formatRoundBytes(bytes)})`)
  return 0
}

/** A run of that name, or else a sweep. */
async function found(stateFolder: string, word: string): Promise<Found> {
  try {
    return { run: findRun(stateFolder, word) }
  } catch (error) {
    const { findSweep, listSweeps } = await import('../../sweeps/record.ts')
    if (word === 'last' || listSweeps(stateFolder).length === 0) throw error
    return { sweep: findSweep(stateFolder, word) }
  }
}

type Found =
  | { readonly run: RunFolder; readonly sweep?: undefined }
  | { readonly run?: undefined; readonly sweep: SweepFolder }

async function runText(run: RunFolder, isMarkdown: boolean): Promise<string> {
  const [{ readRunReport }, { RUN_ROOM, runDocument }, { runMarkdown }] = await Promise.all([
    import('../../report/read-run.ts'),
    import('../../report/run-document.ts'),
    import('../../report/markdown.ts'),
  ])
  const read = readRunReport(run, RUN_ROOM)
  return isMarkdown ? runMarkdown(read) : runDocument(read)
}

async function sweepText(
  stateFolder: string,
  folder: SweepFolder,
  { compareWith, isMarkdown }: { readonly compareWith: string | undefined; readonly isMarkdown: boolean },
): Promise<string> {
  const { readSweepReport } = await import('../../report/read-sweep.ts')
  const read = readSweepReport(stateFolder, folder, compareWith)
  if (isMarkdown) return (await import('../../report/markdown.ts')).sweepMarkdown(read)
  return (await import('../../report/sweep-document.ts')).sweepDocument(read)
}
