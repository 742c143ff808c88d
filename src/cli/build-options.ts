/** Options of a profile's build as options of the command line, and back. */
import type { BuildOptionSpec } from '../build/options.ts'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { Profile } from '../project/profile.ts'
import type { Project } from '../project/project.ts'
import type { OptionSpec, Peek } from './command.ts'

export const problems = defineDiagnostics({
  BUILD_OPTION_CLASHES: {
    title: 'A profile declares a build option whose flag is one of bringup’s own.',
    why: 'one flag can mean only one thing',
    remedy: 'give the option another name in the profile',
  },
})

/** Options of the profile that the command line means; none where the project cannot be loaded. */
export async function profileOptions(peek: Peek, own: readonly OptionSpec[]): Promise<readonly OptionSpec[]> {
  try {
    const { buildOptions = [], machineFlags } = await profileOfProject(await peek.project(), {
      machine: peek.valueOf('-m', '--machine'),
      profile: peek.valueOf('--profile'),
    })
    const options = [
      ...optionsFor(buildOptions, 'Build options:'),
      ...(machineFlags ? optionsFor(machineFlags.specs, machineFlags.title) : []),
    ]
    return options.filter((option) => !clashes(option, own))
  } catch (error) {
    if (error instanceof BringupError) return []
    throw error
  }
}

/** The words as bringup has them, where the profile reads those of the tool that it replaces. */
export async function profileWords(
  peek: Peek,
  words: readonly string[],
  command: 'build' | 'plan' | 'run',
): Promise<readonly string[]> {
  try {
    const project = await peek.project()
    const { machineFlags } = await profileOfProject(project, {
      machine: peek.valueOf('-m', '--machine'),
      profile: peek.valueOf('--profile'),
    })
    const machines = Object.keys(project.machines ?? {})
    return machineFlags?.rewrite?.(words, { command, machines }) ?? words
  } catch (error) {
    if (error instanceof BringupError) return words
    throw error
  }
}

async function profileOfProject(
  project: Project,
  names: { readonly machine: string | undefined; readonly profile: string | undefined },
): Promise<Profile> {
  const [{ profileOf }, { resolveMachines }] = await Promise.all([
    import('../project/selection.ts'),
    import('../machine/machine.ts'),
  ])
  const machine = resolveMachines(project.machines)[names.machine ?? project.defaultMachine] ?? {}
  return profileOf(project, machine, names.profile)
}

function optionsFor(specs: readonly BuildOptionSpec[], group = ''): readonly OptionSpec[] {
  return specs.flatMap((spec) => {
    const value = spec.type === 'boolean' ? '' : ` <${spec.valueName ?? 'value'}>`
    const more = {
      description: spec.description,
      ...(spec.choices === undefined ? {} : { choices: spec.choices }),
      ...(spec.type === 'list' ? { isRepeatable: true } : {}),
      group,
    }
    const short = spec.short === undefined ? '' : `-${spec.short}, `
    const flag = kebabCase(spec.name)
    const plain = (name: string) => (name.startsWith('no-') ? { isPlainNo: true } : {})
    return [
      { ...more, ...plain(flag), flags: `${short}--${flag}${value}` },
      ...(spec.aliases ?? []).map((alias) => ({
        ...more,
        ...plain(alias),
        flags: `--${alias}${value}`,
        isHidden: true,
      })),
      ...(spec.type === 'boolean' && !flag.startsWith('no-')
        ? [{ ...more, flags: `--no-${flag}`, isHidden: spec.default !== true }]
        : []),
    ]
  })
}

/** Values of build options by name, from the options that commander read; aliases count as what they stand for. */
export function buildValues(
  specs: readonly BuildOptionSpec[],
  options: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const values = specs.flatMap((spec) => {
    const given = [spec.name, ...(spec.aliases ?? [])]
      .map((name) => options[camelCase(name)])
      .filter((value) => value !== undefined)
    if (given.length === 0) return []
    return [[spec.name, spec.type === 'list' ? given.flat() : given.at(-1)] as const]
  })
  return Object.fromEntries(values)
}

/** Those whose flag is not one of the command’s own, which then means what it means to the command. */
export function besideOwn(
  specs: readonly BuildOptionSpec[],
  own: readonly OptionSpec[],
): readonly BuildOptionSpec[] {
  return specs.filter((spec) => !optionsFor([spec]).some((option) => clashes(option, own)))
}

/**
 * Says that a profile's options clash with bringup's own.
 *
 * @throws BringupError BUILD_OPTION_CLASHES with all of them
 */
export function refuseClashes(specs: readonly BuildOptionSpec[], own: readonly OptionSpec[]): void {
  const clashing = optionsFor(specs).filter((option) => clashes(option, own))
  if (clashing.length > 0)
    throw new BringupError(
      clashing.map((o) => problems.BUILD_OPTION_CLASHES.at('buildOptions', `bringup has ${o.flags} itself`)),
    )
}

function clashes(option: OptionSpec, own: readonly OptionSpec[]): boolean {
  const taken = new Set(own.flatMap((o) => namesOf(o)))
  return namesOf(option).some((name) => taken.has(name))
}

/** `-r`, `--release`. */
function namesOf({ flags }: OptionSpec): readonly string[] {
  return flags.split(/[\s,]+/).filter((word) => word.startsWith('-'))
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
