/** `bringup qemu list`: the QEMUs of the system and those installed side by side. */

import { plural } from '../../../plural.ts'
import { FEATURES } from '../../../qemu/features.ts'
import { damagedQemus } from '../../../qemus/installed.ts'
import type { Command, Invocation } from '../../command.ts'
import type { Output } from '../../output.ts'
import { formatTable } from '../../table.ts'
import { knownQemus, type QemuView } from './view.ts'

export const list: Command = {
  summary: 'list the QEMUs of the system and the installed ones',
  description:
    'Versions and features are read from the binaries. The QEMU that machines use by default comes first.',
  options: [{ flags: '--features', description: 'list the features by name, and which QEMU has them' }],
  examples: [
    { command: 'bringup qemu list', says: 'versions, where each comes from, which one is the default' },
    { command: 'bringup qemu list --features', says: 'features × QEMUs' },
    { command: "bringup qemu list --json | jq -r '.qemus[].path'", says: 'the paths alone' },
  ],
  run,
}

async function run({ options, output, signal }: Invocation): Promise<number> {
  const qemus = await knownQemus(signal)
  const damaged = damagedQemus()
  output.json({ qemus, damaged })
  if (output.isJson) return 0
  if (qemus.length === 0)
    output.note('QEMU is missing. Install one: `bringup qemu install 10.0 --from packages`')
  else if (options.features === true)
    output.print(
      featureTable(
        qemus.filter(({ tools }) => tools === undefined),
        output,
      ),
    )
  else output.print(table(qemus, output))
  for (const { name, problem } of damaged)
    output.note(
      output.errorColors.yellow(
        `${name} is damaged (${problem.split('\n')[0]}): \`bringup qemu remove ${name}\``,
      ),
    )
  return 0
}

function table(qemus: readonly QemuView[], output: Output): string {
  const rows = qemus.map((qemu) => [
    qemu.isDefault ? '✓' : '',
    qemu.name,
    qemu.version ?? output.colors.red('does not start'),
    qemu.from,
    contents(qemu),
    qemu.path,
  ])
  return formatTable(['used', 'name', 'version', 'from', 'has', 'path'], rows, output)
}

function contents({ tools, features }: QemuView): string {
  if (tools !== undefined) return tools.join(', ')
  return features === undefined ? '-' : plural(features.length, 'feature')
}

function featureTable(qemus: readonly QemuView[], output: Output): string {
  const rows = Object.entries(FEATURES).map(([name, { says }]) => [
    name,
    ...qemus.map(({ features }) => (features?.includes(name) ? '✓' : '-')),
    says,
  ])
  const heads = qemus.map(({ name, version }) => (name.includes('/') ? (version ?? name) : name))
  return formatTable(['feature', ...heads, ''], rows, output)
}
