/** Dependency: a package that has no program of its own. */
import type { PackageDependency } from '../dependency.ts'
import { namesIn } from '../dependency.ts'
import { defineDependency } from '../kind.ts'
import { fixByPackage } from './packages.ts'

export const packageKind = defineDependency<PackageDependency>({
  kind: 'package',
  title: ({ packages }) =>
    typeof packages === 'string' ? packages : (namesIn(packages, 'debian')[0] ?? '?'),
  async check({ packages }, { family, packages: installed }) {
    const names = family === undefined ? [] : namesIn(packages, family)
    const name = names.find((n) => installed.has(n))
    if (name === undefined) return { state: 'missing' }
    const version = installed.get(name)
    return {
      state: 'present',
      ...(version ? { version } : {}),
      ...(name === names[0] ? {} : { detail: name }),
    }
  },
  fix: ({ packages }, context) => fixByPackage(packages, context),
})
