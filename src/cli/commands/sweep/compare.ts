/** `bringup sweep compare A B`: what changed between two sweeps or over an axis of one, and how sure that is. */
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { type Comparison, compareSweeps, refuseSame, type Swept } from '../../../sweeps/compare.ts'
import { compareAxis } from '../../../sweeps/compare-axis.ts'
import { findSweep, readAttempts, readSweep } from '../../../sweeps/record.ts'
import type { Command, Invocation } from '../../command.ts'
import { comparisonView } from '../../sweep-view.ts'
import { usageError } from '../../usage.ts'

export const compare: Command = {
  summary: 'compare two sweeps, or the values of an axis',
  description:
    'Without --axis, the cells of two sweeps are compared. With it, the cells of one sweep that differ in that axis only: those with its first value, and those with each other one. Numbers are compared by a rank test (Wilcoxon, Mann and Whitney), verdicts by Fisher’s exact test. The chance of error is corrected for the number of tests. A difference that these tests do not support is shown as noise.',
  arguments: [
    { name: '[before]', description: 'id, name or label of a sweep', from: 'sweep records' },
    { name: '[after]', description: 'default: the newest sweep', from: 'sweep records' },
  ],
  options: [
    {
      flags: '--axis <path>',
      description: 'compare the values of this axis in one sweep (default: the newest)',
    },
  ],
  examples: [
    { command: 'bringup sweep compare main', says: 'the baseline "main" with the newest sweep' },
    {
      command: 'bringup sweep compare boot --axis qemu',
      says: 'one QEMU with the other ones, all else equal',
    },
  ],
  run,
}

async function run({ args, options, output, project }: Invocation): Promise<number> {
  const axis = options.axis as string | undefined
  if (axis === undefined && args.length === 0)
    throw usageError('the sweep to compare with is missing', 'bringup sweep compare BEFORE, or --axis PATH')
  if (axis !== undefined && args.length > 1)
    throw usageError('--axis compares values within one sweep', 'name one sweep, or omit --axis')
  const { stateFolder } = await project()
  const read = (word: string): Swept => {
    const folder = findSweep(stateFolder, word)
    return { record: readSweep(folder), attempts: readAttempts(folder) }
  }
  const after = read((axis === undefined ? args[1] : args[0]) ?? 'last')
  const found = axis === undefined ? compareBoth(read(args[0] ?? ''), after) : compareAxis(after, axis)
  output.json(found)
  output.print(comparisonView(found, after.record.metrics, output))
  return found.cells === 0 ? EXIT_CODES.failed : EXIT_CODES.passed
}

function compareBoth(before: Swept, after: Swept): Comparison {
  refuseSame(before.record, after.record)
  return compareSweeps(before, after)
}
