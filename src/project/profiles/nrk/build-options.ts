/** What an nrk build can be told, and what those words mean together. */
import type { BuildOptionSpec, BuildOptionValues } from '../../../build/options.ts'
import { BringupError, type Diagnostic, defineDiagnostics } from '../../../diagnostics.ts'
import type { MachineInput } from '../../../machine/machine.ts'
import { readQemuArgs } from '../../../machine/qemu-args.ts'
import { nearest } from '../../../nearest.ts'
import { RUMP_MODULE, RUMP_PROGRAMS } from './layout.ts'

export const problems = defineDiagnostics({
  NRK_MODULE_MISSING: {
    title: 'The source tree has no user module of that name.',
    why: 'a module is a folder below `usr` with a Cargo.toml; the boot loader would have nothing to load',
    remedy: 'use one of the modules in the message',
  },
  NRK_FEATURE_WITHOUT_MODULE: {
    title: 'A user feature is meant for a module that is not built.',
    why: '`MODULE:FEATURE` is for that module alone, so the feature would be ignored silently',
    remedy: 'add the module to --modules, or correct its name',
  },
  NRK_GDB_UNREACHABLE: {
    title: 'The kernel is built to be debugged by gdb, but the machine has no second serial port for it.',
    why: 'with the feature `gdb` the kernel waits on its second serial port until a debugger is there',
    remedy:
      'add --kgdb, then connect with `gdb -ex "target remote localhost:1234"`; or build without the feature gdb',
  },
  NRK_RUMP_FEATURE_MISSING: {
    title: 'The module `rkapps` is built without any of its programs.',
    why: 'each of its programs is a feature of it; without one there is nothing to deploy',
    remedy: `name at least one: --user-features ${RUMP_MODULE}:redis (they are: ${Object.keys(RUMP_PROGRAMS).join(', ')})`,
  },
})

export const BUILD_OPTIONS: readonly BuildOptionSpec[] = [
  {
    name: 'release',
    short: 'r',
    type: 'boolean',
    default: false,
    description: 'build with optimisation',
  },
  {
    name: 'kernelFeatures',
    aliases: ['kfeatures'],
    type: 'list',
    default: [],
    valueName: 'features',
    description: 'cargo features of the kernel, such as gdb or integration-test',
  },
  {
    name: 'noDefaultKernelFeatures',
    aliases: ['no-kfeatures'],
    type: 'boolean',
    default: false,
    description: 'build the kernel without its default features',
  },
  {
    name: 'userFeatures',
    aliases: ['ufeatures'],
    type: 'list',
    default: [],
    valueName: 'features',
    description: 'cargo features of user modules: FEATURE for all of them, MODULE:FEATURE for one',
  },
  {
    name: 'modules',
    aliases: ['mods'],
    type: 'list',
    default: ['init'],
    valueName: 'modules',
    description: 'user modules to build and to boot with (default: init)',
  },
  {
    name: 'cmd',
    type: 'text',
    valueName: 'words',
    description: 'command line of the kernel, such as "log=info init=redis.bin"',
  },
  {
    name: 'machineId',
    aliases: ['mid'],
    type: 'text',
    valueName: 'number',
    default: '0',
    description: 'number of this machine among several (default: 0); appended to --cmd',
  },
]

/** The checked options, typed. */
export interface Wanted {
  readonly isRelease: boolean
  readonly kernelFeatures: readonly string[]
  readonly hasDefaultKernelFeatures: boolean
  readonly modules: readonly string[]
  readonly commandLine: string
  /** Features of one module: those for all, and those for it alone, in the order in which they were said. */
  readonly featuresOf: (module: string) => readonly string[]
}

/** @param present Names of the modules that the tree has. Throws BringupError with all that is wrong. */
export function readOptions(options: BuildOptionValues, present: readonly string[]): Wanted {
  const list = (name: string) => (options[name] ?? []) as readonly string[]
  const features = list('userFeatures').map(parseFeature)
  const modules = [...new Set(list('modules'))]
  const featuresOf = (module: string) =>
    features.filter((f) => f.module === undefined || f.module === module).map((f) => f.feature)
  const wrong = [...missing(modules, present), ...lost(features, modules), ...empty(modules, featuresOf)]
  if (wrong.length > 0) throw new BringupError(wrong)
  return {
    isRelease: options.release === true,
    kernelFeatures: list('kernelFeatures'),
    hasDefaultKernelFeatures: options.noDefaultKernelFeatures !== true,
    modules,
    commandLine: commandLine(options),
    featuresOf,
  }
}

/**
 * Whether a kernel with the feature `gdb` has a port on which a debugger can reach it.
 *
 * @throws BringupError NRK_GDB_UNREACHABLE
 */
export function refuseUnreachableGdb(options: BuildOptionValues, machine: MachineInput): void {
  if (!((options.kernelFeatures ?? []) as readonly string[]).includes('gdb')) return
  const hasPort =
    (machine.devices ?? []).some((d) => d.kind === 'serial') ||
    readQemuArgs(machine.qemuArgs ?? []).some(
      ({ name, head }) => name === 'serial' || (name === 'device' && head === 'isa-serial'),
    )
  if (!hasPort)
    throw new BringupError([problems.NRK_GDB_UNREACHABLE.at('', '--kfeatures gdb without --kgdb')])
}

/** The first word names the kernel. The number of the machine follows only where there are other words, as in nrk's tool. */
function commandLine({ cmd, machineId }: BuildOptionValues): string {
  return typeof cmd === 'string' && cmd !== '' ? `./kernel ${cmd} mid=${String(machineId)}` : './kernel'
}

interface UserFeature {
  readonly module?: string
  readonly feature: string
}

function parseFeature(text: string): UserFeature {
  const colon = text.indexOf(':')
  return colon === -1 ? { feature: text } : { module: text.slice(0, colon), feature: text.slice(colon + 1) }
}

function missing(modules: readonly string[], present: readonly string[]): readonly Diagnostic[] {
  return modules
    .filter((module) => !present.includes(module))
    .map((module) => {
      const meant = nearest(module, present)
      const hint = meant === undefined ? '' : `did you mean "${meant}"? `
      return problems.NRK_MODULE_MISSING.at('build.modules', `there is no usr/${module}`, {
        remedy: `${hint}The modules are: ${present.join(', ')}`,
      })
    })
}

function lost(features: readonly UserFeature[], modules: readonly string[]): readonly Diagnostic[] {
  return features
    .filter((f) => f.module !== undefined && !modules.includes(f.module))
    .map(({ module, feature }) =>
      problems.NRK_FEATURE_WITHOUT_MODULE.at(
        'build.userFeatures',
        `"${module}:${feature}" is for ${module}, but the modules are: ${modules.join(', ')}`,
      ),
    )
}

function empty(
  modules: readonly string[],
  featuresOf: (module: string) => readonly string[],
): readonly Diagnostic[] {
  if (!modules.includes(RUMP_MODULE)) return []
  const programs = featuresOf(RUMP_MODULE).filter((feature) => feature in RUMP_PROGRAMS)
  return programs.length > 0 ? [] : [problems.NRK_RUMP_FEATURE_MISSING.at('build.userFeatures', RUMP_MODULE)]
}
