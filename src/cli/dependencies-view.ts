/** The state of dependency sets, as text and as JSON. */
import type { ExaminedDependency, ExaminedSet } from '../setup/examine.ts'
import type { Colors } from './output.ts'
import { formatTable } from './table.ts'
import type { Page } from './width.ts'

/** A table a set, and the one command that fixes it. `profile` is said where it was chosen by hand. */
export function formatSets(sets: readonly ExaminedSet[], page: Page, profile?: string): string {
  return sets.map((set) => formatSet(set, page, profile)).join('\n\n')
}

function formatSet({ set, dependencies, isComplete }: ExaminedSet, page: Page, profile?: string): string {
  const { colors } = page
  const rows = dependencies.map((d) => [
    markOf(d, colors),
    d.title,
    d.fact.version ?? '',
    [d.dependency.why, d.fact.detail, d.fix?.advice].filter(Boolean).join('; '),
  ])
  const table = formatTable(['', '', '', ''], rows, page)
  const head = `${colors.bold(set.name)}  ${colors.dim(set.summary)}`
  const fix = fixCommand(set.name, profile)
  return [head, table, ...(isComplete ? [] : [colors.yellow(`incomplete; to complete it: ${fix}`)])].join(
    '\n',
  )
}

function fixCommand(set: string, profile: string | undefined): string {
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
    ...(isComplete ? {} : { fix: fixCommand(set.name, profile) }),
    dependencies: dependencies.map(({ dependency, title, fact, fix }) => ({
      kind: dependency.kind,
      title,
      why: dependency.why,
      isOptional: dependency.isOptional === true,
      ...fact,
      ...(fix?.packages ? { packages: fix.packages.map(([first]) => first) } : {}),
      ...(fix?.advice ? { advice: fix.advice } : {}),
    })),
  }))
}
