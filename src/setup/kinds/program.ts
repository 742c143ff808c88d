/** Dependency: a program in PATH, with a minimum version where one is named. */
import { findProgram } from '../../host/tools.ts'
import type { ProgramDependency } from '../dependency.ts'
import { type DependencyFact, defineDependency } from '../kind.ts'
import { isAtLeast, versionIn } from '../version.ts'
import { fixByPackage } from './packages.ts'

export const program = defineDependency<ProgramDependency>({
  kind: 'program',
  title: ({ program: name, alternatives = [] }) => [name, ...alternatives].join(' or '),
  async check({ program: name, alternatives = [], minimum, versionArgs = ['--version'] }, { say, named }) {
    let best: DependencyFact = { state: 'missing' }
    for (const candidate of [name, ...alternatives]) {
      const path = named?.[candidate] ?? findProgram(candidate)
      if (path === undefined) continue
      const version = versionIn(await say(path, versionArgs))
      const found = { path, ...(version === undefined ? {} : { version }) }
      // One that says no version is believed: a build will tell.
      if (minimum === undefined || version === undefined || candidate !== name || isAtLeast(version, minimum))
        return { state: 'present', ...found }
      best = { state: 'too-old', ...found, detail: `${minimum} or newer is needed` }
    }
    return best
  },
  fix: ({ packages }, context) => fixByPackage(packages, context),
})
