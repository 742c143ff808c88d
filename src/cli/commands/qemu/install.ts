/** `bringup qemu install`: one more QEMU beside those that are installed. */
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { installFromPackages } from '../../../qemus/packages/install.ts'
import type { InstalledQemu } from '../../../qemus/record.ts'
import type { Command, Invocation } from '../../command.ts'
import type { Output } from '../../output.ts'
import { createStatusLine } from '../../status-line.ts'
import { usageError } from '../../usage.ts'

export const install: Command = {
  summary: 'install a QEMU beside the others',
  description:
    'It appears whole or not at all: an interrupted or failed installation leaves nothing. `--from packages` takes the binary packages of this distribution’s suites, checks their signatures, and unpacks them with the libraries, firmware and modules that they need; nothing is installed in the system, and root is not needed.',
  arguments: [{ name: '<version>', description: 'a version or a range of versions: 10.0, ">=10"' }],
  options: [
    { flags: '--from <where>', description: 'packages', choices: ['packages'] },
    {
      flags: '--suite <name>',
      description: 'take it from this suite (default: the first one that has the version)',
    },
    { flags: '--name <name>', description: 'name to install it under (default: version and origin)' },
    { flags: '--replace', description: 'replace the installed QEMU of the same name' },
  ],
  examples: [
    {
      command: 'bringup qemu install 10.0 --from packages',
      says: 'the packages of another suite, in seconds',
    },
    {
      command: 'bringup qemu install 7.2 --from packages --suite bookworm',
      says: 'the last series of Debian with pvrdma',
    },
    {
      command: 'bringup qemu install ">=11" --from packages --name newest',
      says: 'under a name of your own; its libraries come along if those of the system are too old',
    },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { args, options, output, signal } = invocation
  if (options.from === undefined) throw usageError('--from is missing', 'add --from packages')
  const installed = await fromPackages(args[0] ?? '', { options, output, signal })
  show(installed, output)
  return EXIT_CODES.passed
}

async function fromPackages(
  spec: string,
  { options, output, signal }: Pick<Invocation, 'options' | 'output' | 'signal'>,
): Promise<InstalledQemu> {
  const { suite, name } = options
  const status = createStatusLine(output)
  try {
    return await installFromPackages({
      spec,
      ...(typeof suite === 'string' ? { suite } : {}),
      ...(typeof name === 'string' ? { name } : {}),
      replaces: options.replace === true,
      signal,
      onPhase: status.phase,
      onLine: status.detail,
    })
  } finally {
    status.clear()
  }
}

function show({ name, folder, record }: InstalledQemu, output: Output): void {
  const { version, programs, tools, features, from } = record
  output.json({ name, folder, version, from, programs, tools, features })
  output.print(`Installed QEMU ${version} as ${name} in ${folder}`)
  output.print(`Features: ${features.join(', ')}`)
  output.print(`A run on it: bringup run --qemu ${name}. As the default: bringup qemu use ${name}`)
}
