/** `bringup setup`: installs what a profile needs of this computer. */
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { EXIT_CODES } from '../../guest/verdict.ts'
import { readDistribution } from '../../host/distribution.ts'
import { cacheFolder } from '../../project/cache-folder.ts'
import { profileOf } from '../../project/selection.ts'
import type { DependencySet } from '../../setup/dependency.ts'
import { type ExaminedSet, examine } from '../../setup/examine.ts'
import { releaseProblem } from '../../setup/releases.ts'
import { setsOf } from '../../setup/sets.ts'
import { setupSteps } from '../../setup/setup-steps.ts'
import { createHostReader } from '../../steps/host-reader.ts'
import type { Command, Invocation } from '../command.ts'
import { formatSets, setsJsonOf } from '../dependencies-view.ts'
import { formatDiagnostics } from '../errors.ts'
import { changeHost, OPERATION_OPTIONS } from '../operation.ts'

export const problems = defineDiagnostics({
  DEPENDENCY_SET_UNKNOWN: {
    title: 'The profile has no dependency set of that name.',
    why: 'sets group dependencies by purpose, such as `build`',
    remedy: '`bringup setup --list` shows the sets',
  },
})

export const command: Command = {
  summary: 'install the dependencies of the project',
  description:
    'Checks first, shows every command, and installs only what is missing. Default sets: build and run.\n' +
    '`bringup undo` removes what it installed.',
  arguments: [{ name: '[set...]', description: 'sets to install (default: build and run)', from: 'sets' }],
  options: [
    { flags: '--profile <name>', description: 'operating system profile', from: 'profiles' },
    { flags: '--list', description: 'show the sets with installed and missing dependencies; change nothing' },
    { flags: '--optional', description: 'also install optional dependencies' },
    ...OPERATION_OPTIONS,
  ],
  examples: [
    { command: 'bringup setup', says: 'the dependencies of building and running' },
    { command: 'bringup setup --list', says: 'the sets, with the purpose of each dependency' },
    { command: 'bringup setup build --profile linux --dry-run', says: 'the commands that would run' },
  ],
  run: setup,
}

async function setup(invocation: Invocation): Promise<number> {
  const { args, options, output, signal } = invocation
  const project = await invocation.project()
  const named = typeof options.profile === 'string' ? options.profile : undefined
  const profile = await profileOf(project, project.machines[project.defaultMachine] ?? {}, named)
  const distribution = readDistribution()
  if (options.list !== true)
    output.progress(output.errorColors.dim(`looking for the dependencies of ${profile.name} …`))
  const sets = chooseSets(setsOf(profile), args, options.list === true)
  const examined = await examine(sets, {
    host: createHostReader(signal),
    family: distribution.family,
    sourceFolder: project.folder,
    cacheFolder: cacheFolder(),
    ...(process.env.BRINGUP_QEMU ? { named: { 'qemu-system-x86_64': process.env.BRINGUP_QEMU } } : {}),
  })
  if (options.list === true) return list(invocation, examined, named)
  const { steps, advice } = setupSteps(examined, distribution.family, options.optional === true)
  const release = steps.length > 0 ? releaseProblem(distribution) : undefined
  const findings = [...(release ? [release] : []), ...advice]
  if (findings.length > 0 && !output.isJson) output.note(formatDiagnostics(findings, output.errorPage))
  const title = `install what ${sets.map((s) => s.name).join(' and ')} of ${profile.name} need`
  const code = await changeHost(invocation, { name: 'setup', title, steps, notes: findings })
  // What a person has to do is not done.
  return code === EXIT_CODES.passed && advice.length > 0 ? EXIT_CODES.refused : code
}

function chooseSets(
  all: readonly DependencySet[],
  names: readonly string[],
  isList: boolean,
): readonly DependencySet[] {
  const unknown = names.filter((name) => !all.some((set) => set.name === name))
  if (unknown.length > 0) {
    const known = all.map((set) => set.name).join(', ')
    throw new BringupError(
      unknown.map((n) => problems.DEPENDENCY_SET_UNKNOWN.at('', `"${n}" is unknown; the sets are: ${known}`)),
    )
  }
  if (names.length > 0) return all.filter((set) => names.includes(set.name))
  return isList ? all : all.filter((set) => set.name === 'build' || set.name === 'run')
}

function list({ output }: Invocation, sets: readonly ExaminedSet[], profile: string | undefined): number {
  output.json({ sets: setsJsonOf(sets, profile) })
  if (!output.isJson) output.print(formatSets(sets, output, profile))
  return EXIT_CODES.passed
}
