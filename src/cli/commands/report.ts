/** `bringup report`: a run as one HTML file. */
import { join } from 'node:path'
import { writeWhole } from '../../own-files.ts'
import { findRun } from '../../runs/record.ts'
import { formatRoundBytes } from '../../units.ts'
import type { Command, Invocation } from '../command.ts'
import { shortPath } from '../run-report.ts'
import { usageError } from '../usage.ts'
import { writeNamedFile } from '../write-file.ts'

/** Name of the report in the folder of the run, where no file is named. */
const REPORT = 'report.html'

export const command: Command = {
  summary: 'write a run as one HTML file, to look at and to hand on',
  description:
    'The file has everything in it and loads nothing: open it in a browser, or keep it as an artifact of CI. Without --output it lies in the folder of the run.',
  arguments: [
    {
      name: '[run]',
      description: 'id, name, a unique prefix or suffix of an id, or `last` (default)',
      from: 'runs',
    },
  ],
  options: [
    {
      flags: '-o, --output <file>',
      description: 'write to this file; `-` is standard output',
      from: 'files',
    },
    {
      flags: '--markdown',
      description: 'write a summary as Markdown instead, to standard output by default',
    },
  ],
  examples: [
    { command: 'bringup report', says: 'the newest run' },
    { command: 'bringup report last -o report.html', says: 'in this folder, such as for an artifact of CI' },
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
  const run = findRun(stateFolder, args[0] ?? 'last')
  const wanted = typeof options.output === 'string' ? options.output : undefined
  const isMarkdown = options.markdown === true
  const file = wanted ?? (isMarkdown ? '-' : join(run.path, REPORT))
  if (file === '-' && output.isJson)
    throw usageError('--json prints where the report is', 'name a file: --output report.html')
  const [{ readRunReport }, { RUN_ROOM, runDocument }, { runMarkdown }] = await Promise.all([
    import('../../report/read-run.ts'),
    import('../../report/run-document.ts'),
    import('../../report/markdown.ts'),
  ])
  const read = readRunReport(run, RUN_ROOM)
  const text = isMarkdown ? runMarkdown(read) : runDocument(read)
  if (file === '-') {
    output.raw(text)
    return 0
  }
  if (wanted === undefined) writeWhole(file, text)
  else writeNamedFile('--output', file, text)
  const bytes = Buffer.byteLength(text)
  output.json({ run: run.id, file, bytes })
  output.print(`${shortPath(file)} (${formatRoundBytes(bytes)})`)
  return 0
}
