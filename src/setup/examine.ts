/** Looks at every dependency of some sets, side by side. Changes nothing. */
import { randomBytes } from 'node:crypto'
import { userInfo } from 'node:os'
import type { PackageFamily } from '../host/distribution.ts'
import type { HostReader } from '../steps/host-reader.ts'
import { type Dependency, type DependencySet, namesIn, type PackageNames } from './dependency.ts'
import type { DependencyContext, DependencyFact, Fix } from './kind.ts'
import { loadManager, MANAGER_OF } from './managers/index.ts'
import { kindOf } from './registry.ts'
import { keptFolder } from './steps/packages-install.ts'
import { openVersions } from './versions.ts'

export interface ExaminedDependency {
  readonly dependency: Dependency
  readonly title: string
  readonly fact: DependencyFact
  /** Of what is not present. */
  readonly fix?: Fix
}

export interface ExaminedSet {
  readonly set: DependencySet
  readonly dependencies: readonly ExaminedDependency[]
  /** Nothing is missing but what is optional. */
  readonly isComplete: boolean
}

export interface ExaminationRequest {
  readonly host: HostReader
  readonly family: PackageFamily | undefined
  readonly sourceFolder: string
  /** For what programs say of their version. */
  readonly cacheFolder: string
  /** Paths of programs that an option or a variable names: `{ 'qemu-system-x86_64': '/opt/qemu' }`. */
  readonly named?: Readonly<Record<string, string>>
}

/** A dependency that several sets name is looked at once. */
export async function examine(
  sets: readonly DependencySet[],
  request: ExaminationRequest,
): Promise<readonly ExaminedSet[]> {
  const versions = openVersions(request.cacheFolder, request.host.signal)
  const all = sets.flatMap((set) => set.dependencies)
  const context: DependencyContext = {
    ...request,
    packages: await installedPackages(all, request),
    user: userInfo().username,
    say: versions.say,
    newKept: () => keptFolder(`setup-${randomBytes(4).toString('hex')}`),
  }
  const asked = new Map<string, Promise<ExaminedDependency>>()
  const ask = (dependency: Dependency) => {
    const key = JSON.stringify({ ...dependency, why: '', isOptional: false })
    const found = asked.get(key) ?? examineOne(dependency, context)
    asked.set(key, found)
    return found.then((examined) => ({ ...examined, dependency }))
  }
  const examined = await Promise.all(
    sets.map(async (set) => {
      const dependencies = await Promise.all(set.dependencies.map(ask))
      const lacking = dependencies.filter((d) => d.fact.state !== 'present' && !d.dependency.isOptional)
      return { set, dependencies, isComplete: lacking.length === 0 }
    }),
  )
  versions.keep()
  return examined
}

async function examineOne(dependency: Dependency, context: DependencyContext): Promise<ExaminedDependency> {
  const kind = kindOf(dependency)
  const fact = await kind.check(dependency, context)
  const title = kind.title(dependency)
  if (fact.state === 'present') return { dependency, title, fact }
  return { dependency, title, fact, fix: kind.fix(dependency, context) }
}

/** One question for all packages: asking takes longer than answering. */
async function installedPackages(
  dependencies: readonly Dependency[],
  { family, host }: ExaminationRequest,
): Promise<ReadonlyMap<string, string>> {
  if (family === undefined) return new Map()
  const names = dependencies.flatMap((d) =>
    d.kind === 'package' ? namesIn(d.packages satisfies PackageNames, family) : [],
  )
  if (names.length === 0) return new Map()
  return (await loadManager(MANAGER_OF[family])).installed([...new Set(names)], host)
}
