/** `bringup qemu verify`: whether installed QEMUs are still what was installed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BringupError, isClean } from '../../../diagnostics.ts'
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { findInstalled, installedQemus } from '../../../qemus/installed.ts'
import { problems } from '../../../qemus/problems.ts'
import { verifyQemu } from '../../../qemus/verify.ts'
import type { Command, Invocation } from '../../command.ts'
import { formatDiagnostics } from '../../errors.ts'

export const verify: Command = {
  summary: 'check the files and the features of installed QEMUs',
  description:
    'Reads every file and compares its digest with the one that was written down, then starts the QEMU and asks it for its features again.',
  arguments: [{ name: '[name...]', description: 'installed QEMUs (default: all)', from: 'qemus' }],
  examples: [
    { command: 'bringup qemu verify', says: 'all of them' },
    { command: 'bringup qemu verify 10.0.2-packages', says: 'one' },
  ],
  run,
}

async function run({ args, output, signal }: Invocation): Promise<number> {
  const named = args.map((name) => [name, findInstalled(name)] as const)
  const unknown = named.filter(([, qemu]) => qemu === undefined)
  if (unknown.length > 0)
    throw new BringupError(
      unknown.map(([name]) => problems.QEMU_NOT_INSTALLED.at('', `${name} is not installed`)),
    )
  const all = args.length === 0 ? installedQemus() : named.flatMap(([, qemu]) => qemu ?? [])
  // Answers that were kept say nothing of now.
  const cacheFolder = mkdtempSync(join(tmpdir(), 'bringup-verify-'))
  try {
    const results = []
    for (const qemu of all)
      results.push({ name: qemu.name, diagnostics: await verifyQemu(qemu, { cacheFolder, signal }) })
    const isGood = results.every(({ diagnostics }) => isClean(diagnostics))
    output.json({ isGood, qemus: results })
    if (all.length === 0) output.note('No QEMU is installed.')
    for (const { name, diagnostics } of results) {
      if (diagnostics.length === 0) output.print(`${output.colors.green('✓')} ${name}`)
      else output.print(formatDiagnostics(diagnostics, output))
    }
    return isGood ? EXIT_CODES.passed : EXIT_CODES.refused
  } finally {
    rmSync(cacheFolder, { recursive: true, force: true })
  }
}
