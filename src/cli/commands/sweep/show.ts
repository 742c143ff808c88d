/** `bringup sweep show`: the matrix of a sweep, what it measured, and its keys. */
import { findSweep } from '../../../sweeps/record.ts'
import type { Command, Invocation } from '../../command.ts'
import { REPORT_OPTIONS, writeReports } from '../../sweep-reports.ts'
import { reportSweep } from '../../sweep-view.ts'
import { formatTable } from '../../table.ts'
import { readWhole, SWEEP_ARGUMENT } from './view.ts'

export const show: Command = {
  summary: 'show a sweep',
  arguments: [SWEEP_ARGUMENT],
  options: [{ flags: '--cells', description: 'list the cells with their keys' }, ...REPORT_OPTIONS],
  examples: [
    { command: 'bringup sweep show', says: 'the newest' },
    { command: 'bringup sweep show numa --junit results.xml', says: 'for CI' },
    { command: 'bringup sweep show numa --csv runs.csv', says: 'every run with its numbers' },
  ],
  run,
}

async function run({ args, options, output, project }: Invocation): Promise<number> {
  const { stateFolder } = await project()
  const folder = findSweep(stateFolder, args[0] ?? 'last')
  const { record, summary } = readWhole(folder)
  output.json({ record, summary, folder: folder.path })
  if (writeReports(options, { record, summary }, output) || output.isJson) return 0
  if (options.cells === true)
    output.print(
      formatTable(
        ['key', 'state', 'cell'],
        summary.cells.map(({ key, state, label }) => [key, state, label]),
        output,
      ),
    )
  else reportSweep({ record, summary, path: folder.path }, output)
  return 0
}
