/** `bringup pmem undo`: gives the RAM back, after asking about data. */
import { BringupError, defineDiagnostics } from '../../../diagnostics.ts'
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { mountAt } from '../../../host/mounts.ts'
import { plural } from '../../../plural.ts'
import { splitCommandLine } from '../../../pmem/kernel-arguments.ts'
import type { PmemRegion } from '../../../pmem/memory-map.ts'
import { mountsOf } from '../../../pmem/mounts.ts'
import { OPERATION_NAME, regionsOf } from '../../../pmem/operation.ts'
import { memmapWord } from '../../../pmem/parse-parameters.ts'
import { createHostReader, type HostReader } from '../../../steps/host-reader.ts'
import type { Operation } from '../../../steps/journal.ts'
import { currentOperation } from '../../../steps/journal.ts'
import type { Command, Invocation } from '../../command.ts'
import { hasTerminal, isConfirmed } from '../../confirm.ts'
import { OPERATION_OPTIONS, undoChange } from '../../operation.ts'

export const problems = defineDiagnostics({
  PMEM_HAS_FILES: {
    title: 'The persistent memory that would become RAM again holds files.',
    why: 'they would be lost',
    remedy: 'copy the files that you need, then run it again with --discard-data',
  },
})

export const undo: Command = {
  summary: 'take it back: mounts, units and the boot loader are as they were',
  description:
    'Restores the files of the boot loader byte for byte. The RAM is available after the next reboot.',
  options: [{ flags: '--discard-data', description: 'discard the files on it' }, ...OPERATION_OPTIONS],
  examples: [
    { command: 'bringup pmem undo --dry-run', says: 'what would be restored' },
    { command: 'bringup pmem undo --discard-data --yes', says: 'for a script' },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { options, output, signal } = invocation
  const operation = currentOperation(OPERATION_NAME)
  if (!operation) {
    const why = 'There is nothing to take back.'
    output.json({ title: why, state: 'nothing-to-do', steps: [], diagnostics: [] })
    output.note(why)
    return 0
  }
  const host = createHostReader(signal)
  const files = filesOf(operation, host)
  if (files.length > 0 && !(await mayBeLost(invocation, files))) {
    output.note('Nothing was changed.')
    return EXIT_CODES.interrupted
  }
  const exitCode = await undoChange(invocation, operation)
  const isTaken = regionsOf(operation).some(({ region }) => isRunning(region, host))
  if (exitCode === EXIT_CODES.passed && isTaken && options.dryRun !== true)
    output.note('The RAM is back after the next reboot.')
  return exitCode
}

function isRunning(region: PmemRegion, host: HostReader): boolean {
  return splitCommandLine(host.read('/proc/cmdline')?.toString() ?? '').includes(memmapWord(region))
}

/** --yes alone is no answer: it may stand in a script that knows nothing of these files. */
async function mayBeLost({ options, output }: Invocation, files: readonly string[]): Promise<boolean> {
  if (options.discardData === true || options.dryRun === true) return true
  const what = `${plural(files.length, 'file or folder', 'files and folders')} would be lost`
  if (options.yes === true || output.isJson || !hasTerminal())
    throw new BringupError([problems.PMEM_HAS_FILES.at('', what, { evidence: files.slice(0, SHOWN) })])
  for (const name of files.slice(0, SHOWN)) output.note(`  ${name}`)
  return isConfirmed({ options, output }, { what, message: `${what}. Take it back all the same?` })
}

const SHOWN = 10

/** What is at the top of each mounted region. */
function filesOf(operation: Operation, host: HostReader): readonly string[] {
  const mounts = mountsOf(host)
  return regionsOf(operation).flatMap(({ mountPoint }) => {
    const isMounted = mountPoint !== undefined && mountAt(mountPoint, mounts)?.source.startsWith('/dev/pmem')
    const names = isMounted ? (host.list(mountPoint) ?? []) : []
    return names.filter((name) => name !== 'lost+found').map((name) => `${mountPoint}/${name}`)
  })
}
