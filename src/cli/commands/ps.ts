/** `bringup ps`: the running runs. */
import { plural } from '../../plural.ts'
import { readDoor } from '../../runs/control-protocol.ts'
import { findRun, listRuns } from '../../runs/record.ts'
import { formatMs } from '../../units.ts'
import type { Command } from '../command.ts'

export const command: Command = {
  summary: 'list the runs in progress',
  description:
    'Runs that were started with `run -d` can be worked with: `logs`, `attach`, `exec`, `cp`, `stop`.',
  examples: [
    { command: 'bringup ps', says: 'what runs in this project' },
    { command: 'bringup ps --json', says: 'the same for a program' },
  ],
  run: async ({ output, project }) => {
    const { stateFolder } = await project()
    const all = listRuns(stateFolder)
    const away = all.filter(({ verdict }) => verdict === 'elsewhere')
    const runs = all
      .filter(({ verdict }) => verdict === 'running')
      .map((run) => ({ ...run, isDetached: readDoor(findRun(stateFolder, run.id)) !== undefined }))
    output.json({ runs })
    if (output.isJson) return 0
    if (away.length > 0)
      output.note(
        `${plural(away.length, 'run')} of other computers without a result: ${[...new Set(away.map(({ host }) => host))].join(', ')}; see \`bringup runs --verdict elsewhere\``,
      )
    if (runs.length === 0) {
      output.note('No run is running; `bringup run -d` starts one.')
      return 0
    }
    const { formatTable } = await import('../table.ts')
    const rows = runs.map(({ id, label, name, guests, startedAt, isDetached }) => [
      label ?? id,
      name,
      guests.join(' '),
      formatMs(Date.now() - Date.parse(startedAt)),
      isDetached ? '' : 'on a terminal',
    ])
    output.print(formatTable(['run', 'machine or rack', 'guests', 'since', ''], rows, output))
    return 0
  },
}
