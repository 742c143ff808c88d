/** `bringup qemu verify`: whether installed QEMUs are still what was installed. */
import { BringupError, type Diagnostic, isClean } from '../../../diagnostics.ts'
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { damagedQemus, findInstalled, installedQemus } from '../../../qemus/installed.ts'
import { problems } from '../../../qemus/problems.ts'
import type { Command, Invocation } from '../../command.ts'
import { formatDiagnostics } from '../../errors.ts'

export const verify: Command = {
  summary: 'check the files and the features of installed QEMUs',
  description:
    'Reads every file and compares its digest with the one that was written down, then starts the QEMU and reads its features again over QMP.',
  arguments: [{ name: '[name...]', description: 'installed QEMUs (default: all)', from: 'qemus' }],
  examples: [
    { command: 'bringup qemu verify', says: 'all of them' },
    { command: 'bringup qemu verify 10.0.2-packages', says: 'one' },
  ],
  run,
}

async function run({ args, output, signal }: Invocation): Promise<number> {
  const damaged = damagedQemus().filter(({ name }) => args.length === 0 || args.includes(name))
  const named = args.map((name) => [name, findInstalled(name)] as const)
  const unknown = named.filter(([name, qemu]) => !qemu && !damaged.some((one) => one.name === name))
  if (unknown.length > 0)
    throw new BringupError(
      unknown.map(([name]) => problems.QEMU_NOT_INSTALLED.at('', `${name} is not installed`)),
    )
  const all = args.length === 0 ? installedQemus() : named.flatMap(([, qemu]) => qemu ?? [])
  const { verifyQemu, withFreshCache } = await import('../../../qemus/verify.ts')
  const results: { name: string; diagnostics: readonly Diagnostic[] }[] = damaged.map(damageOf)
  await withFreshCache(async (cacheFolder) => {
    for (const qemu of all)
      results.push({ name: qemu.name, diagnostics: await verifyQemu(qemu, { cacheFolder, signal }) })
  })
  const isGood = results.every(({ diagnostics }) => isClean(diagnostics))
  output.json({ isGood, qemus: results })
  if (results.length === 0) output.note('No QEMU is installed.')
  for (const { name, diagnostics } of results) {
    if (diagnostics.length === 0) output.print(`${output.colors.green('✓')} ${name}`)
    else output.print(formatDiagnostics(diagnostics, output))
  }
  return isGood ? EXIT_CODES.passed : EXIT_CODES.refused
}

function damageOf({ name, problem }: ReturnType<typeof damagedQemus>[number]) {
  const remedy = `remove it, and install it again: \`bringup qemu remove ${name}\``
  const evidence = problem.split('\n')
  return {
    name,
    diagnostics: [
      problems.QEMU_DAMAGED.at('', `${name}: its qemu.json cannot be read`, { evidence, remedy }),
    ],
  }
}
