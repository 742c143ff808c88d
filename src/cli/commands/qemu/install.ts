/** `bringup qemu install`: one more QEMU beside those that are installed. */
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { type InstalledQemu, isName } from '../../../qemus/record.ts'
import { quoteCommand } from '../../../quote.ts'
import { type Command, type Invocation, inGroup } from '../../command.ts'
import type { Output } from '../../output.ts'
import { createStatusLine } from '../../status-line.ts'
import { usageError } from '../../usage.ts'
import { SOURCE_OPTIONS } from './source-options.ts'

export const install: Command = {
  summary: 'install a QEMU beside the others',
  description:
    'It appears whole or not at all: an interrupted or failed installation leaves nothing. `--from packages` takes the binary packages of this distribution’s suites, checks their signatures, and unpacks them with the libraries, firmware and modules that they need; nothing is installed in the system, and root is not needed. `--from source` builds a release of QEMU whose signature it checks, `--from apt-source` the source package of the distribution, `--from PATH` a tarball or a source tree; packages that the build needs are installed as steps that `bringup undo` takes back. An interrupted build continues where it stopped.',
  arguments: [
    { name: '[version]', description: 'a version or a range of versions: 10.0, ">=10"; omit it for a path' },
  ],
  options: [
    {
      flags: '--from <where>',
      description: 'packages, source, apt-source, or the path of a tarball or a source tree',
    },
    {
      flags: '--suite <name>',
      description: 'take it from this suite (default: the first one that has the version)',
    },
    { flags: '--name <name>', description: 'name to install it under (default: version and origin)' },
    { flags: '--replace', description: 'replace the installed QEMU of the same name' },
    ...inGroup('Building from source:', SOURCE_OPTIONS),
    { flags: '--dry-run', description: 'show what would be installed, and change nothing' },
    { flags: '-y, --yes', description: 'install the packages that a build needs without asking' },
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
    {
      command: 'bringup qemu install 8.2 --with rdma,pmem,plugins',
      says: 'a release, built from source with these features',
    },
    {
      command: 'bringup qemu install 7.2 --from apt-source --tools',
      says: 'only rdmacm-mux, which pvrdma needs',
    },
  ],
  run,
}

/** Options that only a build from source understands. */
const BUILDS = ['with', 'targets', 'debug', 'tools', 'jobs', 'sha256', 'mirror'] as const

async function run(invocation: Invocation): Promise<number> {
  const { args, options } = invocation
  const built = BUILDS.filter((name) => options[name] !== undefined)
  const from = typeof options.from === 'string' ? options.from : built.length > 0 ? 'source' : undefined
  if (from === undefined)
    throw usageError(
      '--from is missing',
      quoteCommand(['bringup', 'qemu', 'install', args[0] ?? '10.0', '--from', 'packages']).join(' '),
    )
  checkName(options.name)
  if (from !== 'packages') return fromSource(invocation, from)
  if (built.length > 0)
    throw usageError(`--${built[0]} is for builds from source`, 'use --from source or --from apt-source')
  if (args[0] === undefined)
    throw usageError('the version is missing', 'bringup qemu install 10.0 --from packages')
  return fromPackages(args[0], invocation)
}

/** @throws BringupError USAGE */
function checkName(name: unknown): void {
  if (typeof name !== 'string' || (isName(name) && name !== 'system')) return
  const why = name === 'system' ? 'the QEMU in PATH has that name' : 'names are letters, digits and . _ + ~ -'
  throw usageError(`--name "${name}": ${why}`, 'use a name such as --name newest')
}

async function fromSource(invocation: Invocation, from: string): Promise<number> {
  const { args, options, output } = invocation
  const { installFromSource } = await import('../../qemu-source.ts')
  const installed = await installFromSource(invocation, {
    spec: args[0],
    from,
    replaces: options.replace === true,
    ...(typeof options.name === 'string' ? { name: options.name } : {}),
  })
  if (typeof installed === 'number') return installed
  show(installed, output)
  return EXIT_CODES.passed
}

async function fromPackages(spec: string, { options, output, signal }: Invocation): Promise<number> {
  const { suite, name } = options
  const { findPackaged, installFromPackages } = await import('../../../qemus/packages/install.ts')
  const status = createStatusLine(output)
  const request = {
    spec,
    ...(typeof suite === 'string' ? { suite } : {}),
    ...(typeof name === 'string' ? { name } : {}),
    replaces: options.replace === true,
    signal,
    onPhase: status.phase,
    onLine: status.detail,
  }
  try {
    if (options.dryRun === true) {
      const found = await findPackaged(request)
      status.clear()
      output.json({ isDryRun: true, from: 'packages', ...found })
      output.print(`Would install QEMU ${found.version} from the packages of ${found.suite}.`)
    } else {
      const installed = await installFromPackages(request)
      status.clear()
      show(installed, output)
    }
    return EXIT_CODES.passed
  } finally {
    status.clear()
  }
}

function show({ name, folder, record }: InstalledQemu, output: Output): void {
  const { version, programs, tools, features, from } = record
  output.json({ name, folder, version, from, programs, tools, features })
  output.print(`Installed QEMU ${version} as ${name} in ${folder}`)
  for (const [tool, path] of Object.entries(tools)) output.print(`${tool}: ${folder}/${path}`)
  if (Object.keys(programs).length === 0) return
  output.print(`Features: ${features.join(', ')}`)
  output.print(`A run on it: bringup run --qemu ${name}. As the default: bringup qemu use ${name}`)
}
