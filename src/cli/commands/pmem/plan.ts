/** `bringup pmem plan`: where emulated persistent memory would lie, and what would be done. Changes nothing. */
import { isClean } from '../../../diagnostics.ts'
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { totalBytes } from '../../../pmem/memory-map.ts'
import { memmapWord } from '../../../pmem/parse-parameters.ts'
import { drawMaps } from '../../../pmem/picture.ts'
import { ramAfter } from '../../../pmem/region-rules.ts'
import { ramOf } from '../../../pmem/user-map.ts'
import { stepKinds } from '../../../step-registry.ts'
import { createHostReader } from '../../../steps/host-reader.ts'
import { planOperation } from '../../../steps/plan-operation.ts'
import type { Command, Invocation } from '../../command.ts'
import { formatDiagnostics } from '../../errors.ts'
import { formatOperationPlan, operationJsonOf } from '../../operation-view.ts'
import { planPmem, REQUEST_OPTIONS } from './request.ts'

export const plan: Command = {
  summary: 'show where it would lie and what would be done',
  description:
    'Reads the firmware’s memory map, the NUMA nodes, the kernel’s place and its command line. Regions are chosen so that nothing else is in them; those that --at names are checked.',
  options: [
    ...REQUEST_OPTIONS,
    {
      flags: '--memory-map <file>',
      description: 'take the map from this kernel log (`dmesg`) of another computer; - is standard input',
      from: 'files',
    },
  ],
  examples: [
    { command: 'bringup pmem plan --size 16G', says: 'the picture before and after, and the steps' },
    {
      command: 'bringup pmem plan --size 16G --at 4G',
      says: 'whether that place will do, or what is wrong with it',
    },
    {
      command: 'ssh server dmesg | bringup pmem plan --size 64G --node 1 --memory-map -',
      says: 'for another computer',
    },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { output, signal } = invocation
  const host = createHostReader(signal)
  const found = await planPmem(invocation, host)
  const { map, regions, diagnostics } = found
  const steps = await planOperation(found.steps, stepKinds, host)
  const words = regions.map(memmapWord)
  const operation = operationJsonOf(titleOf(words), steps, 'planned')
  output.json({
    ...operation,
    diagnostics: [...diagnostics, ...operation.diagnostics],
    regions: regions.map((region, index) => ({ ...region, parameter: words[index] })),
    ramBytes: { before: totalBytes(ramOf(map)), after: totalBytes(ramAfter(regions, map)) },
  })
  if (regions.length > 0) output.print(`${drawMaps(map, regions)}\n  kernel  ${words.join(' ')}`)
  if (steps.steps.length > 0)
    output.print(`\n${formatOperationPlan(titleOf(words), steps, ['sudo'], output)}`)
  if (diagnostics.length > 0 && !output.isJson)
    output.note(`\n${formatDiagnostics(diagnostics, output.errorPage)}`)
  return isClean(diagnostics) && steps.blockers.length === 0 ? EXIT_CODES.passed : EXIT_CODES.refused
}

export function titleOf(words: readonly string[]): string {
  return `make persistent memory of RAM: ${words.join(' ') || 'nothing'}`
}
