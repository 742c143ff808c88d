/** `bringup stop`: ends a background run. */
import { BringupError } from '../../diagnostics.ts'
import { callRun, problems } from '../../runs/control-client.ts'
import { findRun, listRuns, readRun } from '../../runs/record.ts'
import type { Command } from '../command.ts'

export const command: Command = {
  summary: 'end a run that was started with `run -d`',
  arguments: [
    {
      name: '[run]',
      description: 'name or id of the run (default: the only running one)',
      from: 'runs',
    },
  ],
  examples: [
    { command: 'bringup stop', says: 'the only running run' },
    { command: 'bringup stop db', says: 'the run called db' },
  ],
  run: async ({ args, output, project, signal }) => {
    const { stateFolder } = await project()
    const run = findRun(stateFolder, args[0] ?? onlyRun(stateFolder))
    await callRun(run, { op: 'stop' }, { signal }).done
    const { summary } = readRun(run)
    output.json(summary)
    output.print(`${summary.label ?? run.id}: ${summary.verdict} ${summary.meaning ?? ''}`)
    return 0
  },
}

/** @throws BringupError RUN_NOT_REACHED */
function onlyRun(stateFolder: string): string {
  const running = listRuns(stateFolder).filter(({ verdict }) => verdict === 'running')
  const [only] = running
  if (only && running.length === 1) return only.id
  const what = running.length === 0 ? 'no run is running' : `${running.length} runs are running`
  const names = running.map(({ label, id }) => label ?? id).join(', ')
  throw new BringupError([
    problems.RUN_NOT_REACHED.at(
      '',
      what,
      running.length === 0 ? {} : { remedy: `name one of them: ${names}` },
    ),
  ])
}
