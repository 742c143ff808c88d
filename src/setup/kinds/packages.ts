/** How a dependency's packages fix it; shared by all kinds that have some. */
import { namesIn, type PackageNames } from '../dependency.ts'
import type { DependencyContext, Fix } from '../kind.ts'

/** Undefined where this distribution has no such package, or is not known. */
export function packageOf(
  packages: PackageNames | undefined,
  { family }: DependencyContext,
): readonly [string, ...string[]] | undefined {
  const [first, ...others] = family === undefined ? [] : namesIn(packages, family)
  return first === undefined ? undefined : [first, ...others]
}

export function fixByPackage(packages: PackageNames | undefined, context: DependencyContext): Fix {
  const names = packageOf(packages, context)
  if (names) return { packages: [names] }
  return {
    advice:
      context.family === undefined
        ? 'install it by hand: the package manager of this distribution is not known'
        : 'install it by hand: this distribution has no package that is known to have it',
  }
}
