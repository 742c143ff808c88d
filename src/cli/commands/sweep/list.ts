/** `bringup sweep list`: the sweeps of the project and what came of those that ran. */
import { hostname } from 'node:os'
import { BringupError } from '../../../diagnostics.ts'
import { isElsewhere, isRunning, listSweeps, type SweepRecord } from '../../../sweeps/record.ts'
import type { Command, Invocation } from '../../command.ts'
import { totalsOf } from '../../sweep-view.ts'
import { formatTable } from '../../table.ts'
import { readWhole } from './view.ts'

export const list: Command = {
  summary: 'list the sweeps that ran',
  examples: [{ command: 'bringup sweep list', says: 'each with its verdicts, newest last' }],
  run,
}

async function run({ output, project }: Invocation): Promise<number> {
  const { stateFolder, sweeps = {} } = await project()
  const known = listSweeps(stateFolder).flatMap((folder) => {
    try {
      return [{ folder, ...readWhole(folder) }]
    } catch (error) {
      if (!(error instanceof BringupError)) throw error
      output.note(error.diagnostics[0]?.what ?? '')
      return []
    }
  })
  output.json({
    described: Object.keys(sweeps),
    sweeps: known.map(({ folder, record, summary: { counts, wanted, done } }) => {
      const { id, name, label, startedAt, executor } = record
      return {
        id,
        name,
        ...(label === undefined ? {} : { label }),
        startedAt,
        executor,
        folder: folder.path,
        isRunning: isRunning(record, hostname()),
        counts,
        wanted,
        done,
      }
    }),
  })
  if (output.isJson) return 0
  const names = Object.keys(sweeps)
  if (known.length === 0)
    output.note(
      names.length === 0
        ? 'No sweeps yet; describe one in bringup.config under `sweeps`.'
        : `No sweeps yet; start one with \`bringup sweep ${names[0]}\`.`,
    )
  else
    output.print(
      formatTable(
        ['sweep', 'name', 'baseline', 'where', ''],
        known.map(({ record, summary }) => [
          record.id,
          record.name,
          record.label ?? '',
          record.executor,
          `${totalsOf(summary, output.colors)}${runningText(record)}`,
        ]),
        output,
      ),
    )
  return 0
}

function runningText(record: SweepRecord): string {
  if (!isRunning(record, hostname())) return ''
  return isElsewhere(record, hostname()) ? `, running on ${record.owner.host} or killed there` : ', running'
}
