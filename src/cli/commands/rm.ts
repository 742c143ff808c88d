/** `bringup rm`: deletes the records of runs that have ended. */

import { BringupError } from '../../diagnostics.ts'
import { findRun, problems, readRun, removeRun } from '../../runs/record.ts'
import type { Command } from '../command.ts'

export const command: Command = {
  summary: 'delete the records of runs that have ended',
  arguments: [{ name: '<run...>', description: 'names or ids of runs', from: 'runs' }],
  examples: [{ command: 'bringup rm db', says: 'the record of the run called db' }],
  run: async ({ args, output, project }) => {
    const { stateFolder } = await project()
    const runs = args.map((word) => findRun(stateFolder, word))
    const going = runs.filter((run) => readRun(run).summary.verdict === 'running')
    if (going.length > 0)
      throw new BringupError(going.map(({ id }) => problems.RUN_GOES_ON.at('', `run ${id} is running`)))
    for (const run of runs) removeRun(run)
    output.json({ deleted: runs.map(({ id }) => id) })
    output.print(`deleted ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`)
    return 0
  },
}
