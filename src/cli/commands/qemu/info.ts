/** `bringup qemu info`: one QEMU in full. */

import { ARCH } from '../../../machine/machine-rules.ts'
import { qemuCommand } from '../../../plan/plan.ts'
import { cacheFolder } from '../../../project/cache-folder.ts'
import { binaryOf } from '../../../qemu/binary.ts'
import { readCapabilities } from '../../../qemu/capabilities.ts'
import { FEATURES } from '../../../qemu/features.ts'
import { chooseQemu, isNamed, namedQemu } from '../../../qemus/choose.ts'
import { findInstalled } from '../../../qemus/installed.ts'
import { quoteCommand } from '../../../quote.ts'
import type { Command, Invocation } from '../../command.ts'
import { originText } from './view.ts'

export const info: Command = {
  summary: 'show what a QEMU can do, where it comes from and how it is started',
  description: 'Without an argument: the QEMU that machines use by default.',
  arguments: [
    {
      name: '[qemu]',
      description: 'a path, a name that `bringup qemu list` shows, or a range of versions',
      from: 'qemus',
    },
  ],
  examples: [
    { command: 'bringup qemu info', says: 'the default' },
    { command: 'bringup qemu info 10.0.2-packages', says: 'an installed one, with its packages' },
    { command: 'bringup qemu info /opt/qemu/bin/qemu-system-x86_64', says: 'any other' },
  ],
  run,
}

async function run({ args, output, signal }: Invocation): Promise<number> {
  const wish = args[0] ?? process.env.BRINGUP_QEMU
  const cache = cacheFolder()
  const qemu = isNamed(wish)
    ? await readCapabilities(namedQemu(ARCH, wish), ARCH, cache, signal)
    : await chooseQemu({ arch: ARCH, wish, cacheFolder: cache, signal })
  const installed = qemu.starting && findInstalled(qemu.starting.installed)
  const command = qemuCommand(binaryOf(qemu), [])
  const version = qemu.version.join('.')
  const { path, packageName, sha256, features, firmware, starting } = qemu
  const record = installed?.record
  output.json({
    name: starting?.installed ?? null,
    ...{ path, version, packageName, sha256, features, firmware, command },
    ...(record ? { from: record.from, tools: record.tools, installedAt: record.installedAt } : {}),
  })
  if (output.isJson) return 0
  const { colors } = output
  output.print(colors.bold(`QEMU ${version}${packageName === '' ? '' : ` (${packageName})`}`))
  output.print(`path      ${path}`)
  output.print(`from      ${record ? originText(record.from) : 'system'}`)
  if (record) output.print(`installed ${record.installedAt.slice(0, 10)} as ${starting?.installed}`)
  if (record?.from.kind === 'packages')
    for (const { name, version: of } of record.from.packages)
      output.print(colors.dim(`          ${name} ${of}`))
  output.print(`\n${colors.bold('Features')}`)
  for (const [name, { says }] of Object.entries(FEATURES))
    output.print(
      `${features.includes(name) ? colors.green('✓') : colors.dim('✗')} ${name.padEnd(17)} ${says}`,
    )
  output.print(`\n${colors.bold('Started by')}`)
  output.print(quoteCommand(command).join(' '))
  return 0
}
