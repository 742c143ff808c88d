/** `bringup sweep report`: a sweep as one HTML file. */
import { findSweep } from '../../../sweeps/record.ts'
import type { Command, Invocation } from '../../command.ts'
import { REPORT_FILE_OPTIONS, writeReport } from '../../report-file.ts'
import { SWEEP_ARGUMENT } from './view.ts'

export const report: Command = {
  summary: 'write a sweep as one HTML file',
  description:
    'The file has everything in it and loads nothing: open it in a browser, or keep it as an artifact of CI. Without --output it is written to the folder of the sweep.',
  arguments: [SWEEP_ARGUMENT],
  options: REPORT_FILE_OPTIONS,
  examples: [
    { command: 'bringup sweep report', says: 'the newest' },
    { command: 'bringup sweep report numa -o report.html', says: 'in this folder' },
    { command: 'bringup sweep report numa --compare main', says: 'with what changed since an earlier one' },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { stateFolder } = await invocation.project()
  return writeReport({ sweep: findSweep(stateFolder, invocation.args[0] ?? 'last') }, invocation)
}
