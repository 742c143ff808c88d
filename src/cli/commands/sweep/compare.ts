/** `bringup sweep compare A B`: what changed between two sweeps, and how sure that is. */
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { compareSweeps, refuseSame } from '../../../sweeps/compare.ts'
import { findSweep, readAttempts, readSweep } from '../../../sweeps/record.ts'
import type { Command, Invocation } from '../../command.ts'
import { comparisonView } from '../../sweep-view.ts'

export const compare: Command = {
  summary: 'compare two sweeps',
  description:
    'Numbers are compared by a rank test (Wilcoxon, Mann and Whitney), verdicts by Fisher’s exact test. The chance of error is corrected for the number of tests. A difference that these tests do not support is shown as noise.',
  arguments: [
    { name: '<before>', description: 'id, name or label of a sweep', from: 'sweep records' },
    { name: '[after]', description: 'default: the newest sweep', from: 'sweep records' },
  ],
  examples: [{ command: 'bringup sweep compare main', says: 'the baseline "main" with the newest sweep' }],
  run,
}

async function run({ args, output, project }: Invocation): Promise<number> {
  const { stateFolder } = await project()
  const [before, after] = [args[0] ?? '', args[1] ?? 'last'].map((word) => {
    const folder = findSweep(stateFolder, word)
    return { record: readSweep(folder), attempts: readAttempts(folder) }
  })
  if (!before || !after) throw new Error('two sweeps were read')
  refuseSame(before.record, after.record)
  const found = compareSweeps(before, after)
  output.json(found)
  output.print(comparisonView(found, after.record.metrics, output))
  return found.cells === 0 ? EXIT_CODES.failed : EXIT_CODES.passed
}
