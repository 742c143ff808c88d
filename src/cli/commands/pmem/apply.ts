/** `bringup pmem apply`: gives RAM to persistent memory, at the next boot. */
import { BringupError, defineDiagnostics, isClean } from '../../../diagnostics.ts'
import { OPERATION_NAME } from '../../../pmem/operation.ts'
import { memmapWord } from '../../../pmem/parse-parameters.ts'
import { drawMaps } from '../../../pmem/picture.ts'
import { createHostReader } from '../../../steps/host-reader.ts'
import { currentOperation } from '../../../steps/journal.ts'
import type { Command, Invocation } from '../../command.ts'
import { formatDiagnostics } from '../../errors.ts'
import { changeHost, OPERATION_OPTIONS, resumeChange } from '../../operation.ts'
import { titleOf } from './plan.ts'
import { planPmem, REQUEST_OPTIONS, refuseUnclean } from './request.ts'

export const problems = defineDiagnostics({
  PMEM_APPLIED: {
    title: 'bringup has already set up persistent memory.',
    why: 'one operation holds all regions, so that one undo restores all of them',
    remedy: '`bringup pmem status` shows it; to change it, run `bringup pmem undo`, then apply again',
  },
})

export const apply: Command = {
  summary: 'do it: set the boot loader, and after the reboot mount it',
  description:
    'The previous entry stays in the boot menu. After the reboot, `bringup resume` checks the devices, and mounts them if --mount was given.',
  options: [...REQUEST_OPTIONS, ...OPERATION_OPTIONS],
  examples: [
    { command: 'bringup pmem apply --size 16G --mount', says: 'one region, mounted on /mnt/pmem0' },
    {
      command: 'bringup pmem apply --size 4G --node 1 --fs xfs --unit --yes',
      says: 'xfs, at every boot, without asking',
    },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { output, signal } = invocation
  const current = currentOperation(OPERATION_NAME)
  if (current && current.state !== 'done') {
    output.note(`"${current.title}" (${current.id}) is not finished: going on with it.`)
    return resumeChange(invocation, current)
  }
  if (current) throw new BringupError([problems.PMEM_APPLIED.at('', `${current.id}: ${current.title}`)])
  const { map, regions, steps, diagnostics } = await planPmem(invocation, createHostReader(signal))
  refuseUnclean(diagnostics)
  output.note(drawMaps(map, regions))
  const remarks = diagnostics.filter((d) => isClean([d]))
  if (remarks.length > 0) output.note(`\n${formatDiagnostics(remarks, output.errorPage)}`)
  return changeHost(invocation, { name: OPERATION_NAME, title: titleOf(regions.map(memmapWord)), steps })
}
