/** From dependency sets to what an image is made of. Pure. */
import type { PackageFamily } from '../host/distribution.ts'
import { type Dependency, type DependencySet, namesIn } from '../setup/dependency.ts'
import type { ContainerRecipe, ContainerUser } from './dockerfile.ts'

/** The distribution of base images whose packages bringup can install: apt is the only manager in a Dockerfile of ours. */
const FAMILY: PackageFamily = 'debian'

/** Programs that bring others along: what cargo and npm install needs them in the image first. */
const NPM: Dependency = {
  kind: 'program',
  program: 'npm',
  packages: 'npm',
  why: 'installs programs of the npm registry',
}
const CERTIFICATES: Dependency = {
  kind: 'package',
  packages: 'ca-certificates',
  why: 'lets downloads be trusted',
}

export interface RecipeRequest {
  readonly base: string
  readonly user: ContainerUser
  readonly sets: readonly DependencySet[]
  /** What the source tree's toolchain file says. */
  readonly toolchain?: {
    readonly channel: string
    readonly components: readonly string[]
    readonly targets: readonly string[]
  }
}

/**
 * The recipe. Devices and rights of programs are this computer's, not the image's, and are left out.
 */
export function recipeOf({ base, user, sets, toolchain }: RecipeRequest): ContainerRecipe {
  const all = sets.flatMap((set) => set.dependencies)
  const rust = all.filter((d) => d.kind === 'rust-toolchain')
  const crates = all.filter((d) => d.kind === 'cargo')
  const npm = all.filter((d) => d.kind === 'npm')
  const needed = [
    ...all,
    ...(rust.length + crates.length + npm.length > 0 ? [CERTIFICATES] : []),
    ...(npm.length > 0 ? [NPM] : []),
  ]
  const union = (...lists: readonly (readonly string[] | undefined)[]) => [
    ...new Set(lists.flatMap((list) => list ?? [])),
  ]
  return {
    base,
    user,
    packages: packagesOf(needed),
    ...(rust.length === 0 && crates.length === 0
      ? {}
      : {
          rust: {
            channel: rust.find((r) => r.channel)?.channel ?? toolchain?.channel ?? 'stable',
            components: union(toolchain?.components, ...rust.map((r) => r.components)),
            targets: union(toolchain?.targets, ...rust.map((r) => r.targets)),
          },
        }),
    crates: crates.map((c) => ({
      name: c.crate ?? c.program,
      ...(c.version === undefined ? {} : { version: c.version }),
    })),
    npm: npm.map((n) => `${n.package ?? n.program}${n.version === undefined ? '' : `@${n.version}`}`),
  }
}

/** One line a package, with every reason for it. The newest of alternative names is taken. */
function packagesOf(dependencies: readonly Dependency[]): ContainerRecipe['packages'] {
  const reasons = new Map<string, string[]>()
  for (const dependency of dependencies) {
    const name = 'packages' in dependency ? namesIn(dependency.packages, FAMILY)[0] : undefined
    if (name === undefined) continue
    const before = reasons.get(name) ?? []
    if (!before.includes(dependency.why)) reasons.set(name, [...before, dependency.why])
  }
  return [...reasons].map(([name, why]) => ({ name, why: why.join('; ') }))
}
