/** What was found of dependency sets, for a person and for a program. */
import type { ExaminedDependency, ExaminedSet } from '../setup/examine.ts'
import type { Colors } from './output.ts'
import { formatTable } from './table.ts'

/** A table a set, and the one command that mends it. `profile` is said where it was chosen by hand. */
export function formatSets(sets: readonly ExaminedSet[], colors: Colors, profile?: string): string {
  return sets.map((set) => formatSet(set, colors, profile)).join('\n\n')
}

function formatSet({ set, dependencies, isComplete }: ExaminedSet, colors: Colors, profile?: string): string {
  const rows = dependencies.map((d) => [
    markOf(d, colors),
    d.title,
    d.fact.version ?? '',
    [d.dependency.why, d.fact.detail, d.mending?.advice].filter(Boolean).join('; '),
  ])
  const table = formatTable(['', '', '', ''], rows, colors).split('\n').slice(1)
  const head = `${colors.bold(set.name)}  ${colors.dim(set.summary)}`
  const mend = mendCommand(set.name, profile)
  return [head, ...table, ...(isComplete ? [] : [colors.yellow(`incomplete; mend it with: ${mend}`)])].join(
    '\n',
  )
}

function mendCommand(set: string, profile: string | undefined): string {
  return ['bringup setup', set, ...(profile === undefined ? [] : ['--profile', profile])].join(' ')
}

function markOf({ fact, dependency }: ExaminedDependency, colors: Colors): string {
  if (fact.state === 'present') return colors.green('✓')
  return dependency.isOptional ? colors.dim('-') : colors.yellow('✗')
}

/** See `dependencySet` in `shapes.ts`. */
export function setsJsonOf(sets: readonly ExaminedSet[], profile?: string) {
  return sets.map(({ set, dependencies, isComplete }) => ({
    name: set.name,
    summary: set.summary,
    isComplete,
    ...(isComplete ? {} : { mend: mendCommand(set.name, profile) }),
    dependencies: dependencies.map(({ dependency, title, fact, mending }) => ({
      kind: dependency.kind,
      title,
      why: dependency.why,
      isOptional: dependency.isOptional === true,
      ...fact,
      ...(mending?.packages ? { packages: mending.packages.map(([first]) => first) } : {}),
      ...(mending?.advice ? { advice: mending.advice } : {}),
    })),
  }))
}
