/** `bringup qemu use`: the QEMU of machines that do not name one. */
import { BringupError } from '../../../diagnostics.ts'
import { ARCH } from '../../../machine/machine-rules.ts'
import { cacheFolder } from '../../../project/cache-folder.ts'
import { readCapabilities } from '../../../qemu/capabilities.ts'
import { namedQemu, SYSTEM } from '../../../qemus/choose.ts'
import { setDefaultQemu } from '../../../qemus/folder.ts'
import { findInstalled } from '../../../qemus/installed.ts'
import { problems } from '../../../qemus/problems.ts'
import type { Command, Invocation } from '../../command.ts'

export const use: Command = {
  summary: 'choose the QEMU that machines use by default',
  description:
    'Applies to every machine of this user that does not name a QEMU. BRINGUP_QEMU and the `qemu` of a machine go before it.',
  arguments: [
    { name: '<name>', description: 'an installed QEMU, or `system` for the first in PATH', from: 'qemus' },
  ],
  examples: [
    { command: 'bringup qemu use 10.0.2-packages', says: 'an installed one' },
    { command: 'bringup qemu use system', says: 'back to the one in PATH' },
  ],
  run,
}

async function run({ args, output, signal }: Invocation): Promise<number> {
  const [name = ''] = args
  if (name !== SYSTEM && !findInstalled(name))
    throw new BringupError([problems.QEMU_NOT_INSTALLED.at('', `${name} is not installed`)])
  const { version, path } = await readCapabilities(namedQemu(ARCH, name), ARCH, cacheFolder(), signal)
  setDefaultQemu(name === SYSTEM ? undefined : name)
  output.json({ default: name, path, version: version.join('.') })
  output.print(`Machines use QEMU ${version.join('.')} at ${path} by default`)
  if (process.env.BRINGUP_QEMU)
    output.note(`BRINGUP_QEMU is set to ${process.env.BRINGUP_QEMU}, and goes before it`)
  return 0
}
