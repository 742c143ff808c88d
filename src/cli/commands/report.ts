/** `bringup report`: a run or a sweep as one HTML file. */
import { findRun, type RunFolder } from '../../runs/record.ts'
import type { Command, Invocation } from '../command.ts'
import type { Output } from '../output.ts'
import { REPORT_FILE_OPTIONS, type Reported, writeReport } from '../report-file.ts'

export const command: Command = {
  summary: 'write a run or a sweep as one HTML file that can be shared',
  description:
    'The file has everything in it and loads nothing: open it in a browser, or keep it as an artifact of CI. Without --output it is written to the folder of the run or sweep.',
  arguments: [
    {
      name: '[run]',
      description:
        'run or sweep: id, name, a unique prefix or suffix of an id; `last` is the newest run (default), also one of a sweep',
      from: 'runs',
    },
  ],
  options: REPORT_FILE_OPTIONS,
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

async function report(invocation: Invocation): Promise<number> {
  const { stateFolder } = await invocation.project()
  const word = invocation.args[0] ?? 'last'
  const reported = await found(stateFolder, word)
  if (reported.run && word === 'last') await noteSweep(reported.run, stateFolder, invocation.output)
  return writeReport(reported, invocation)
}

/** After a sweep, the newest run is one of its cells. */
async function noteSweep({ id }: RunFolder, stateFolder: string, output: Output): Promise<void> {
  const { listSweeps, readAttempts } = await import('../../sweeps/record.ts')
  const newest = listSweeps(stateFolder).at(-1)
  if (newest && readAttempts(newest).some(({ run }) => run === id))
    output.note(`run ${id} is one of sweep ${newest.id}; \`bringup sweep report\` reports the whole sweep`)
}

/** A run of that name, or else a sweep. */
async function found(stateFolder: string, word: string): Promise<Reported> {
  try {
    return { run: findRun(stateFolder, word) }
  } catch (error) {
    const { findSweep, listSweeps } = await import('../../sweeps/record.ts')
    if (word === 'last' || listSweeps(stateFolder).length === 0) throw error
    return { sweep: findSweep(stateFolder, word) }
  }
}
