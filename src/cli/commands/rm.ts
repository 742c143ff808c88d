/** `bringup rm`: deletes the records of runs that have ended. */

import { BringupError } from '../../diagnostics.ts'
import { findRun, problems, readRun, removeRun } from '../../runs/record.ts'
import type { Command } from '../command.ts'

export const command: Command = {
  summary: 'delete the records of runs that have ended',
  arguments: [{ name: '<run...>', description: 'names or ids of runs', from: 'runs' }],
  options: [
    {
      flags: '--force',
      description: 'also runs of another computer that have no result; they must have ended',
    },
  ],
  examples: [{ command: 'bringup rm db', says: 'the record of the run called db' }],
  run: async ({ args, options, output, project }) => {
    const { stateFolder } = await project()
    const runs = args.map((word) => findRun(stateFolder, word))
    const going = runs.filter((run) => readRun(run).summary.verdict === 'running')
    if (going.length > 0)
      throw new BringupError(going.map(({ id }) => problems.RUN_GOES_ON.at('', `run ${id} is running`)))
    const away = runs.map((run) => readRun(run).summary).filter(({ verdict }) => verdict === 'elsewhere')
    if (away.length > 0 && options.force !== true)
      throw new BringupError(
        away.map(({ id, host }) =>
          problems.RUN_ELSEWHERE.at('', `computer ${host} started run ${id}, which has no result`),
        ),
      )
    for (const run of runs) removeRun(run)
    output.json({ deleted: runs.map(({ id }) => id) })
    output.print(`deleted ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`)
    return 0
  },
}
