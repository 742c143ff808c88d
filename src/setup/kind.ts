/** What a kind of dependency is: how it is looked for, and what fixes it. One file each in `kinds/`. */
import type { PackageFamily } from '../host/distribution.ts'
import type { HostReader } from '../steps/host-reader.ts'
import type { Step } from '../steps/step.ts'
import type { Dependency } from './dependency.ts'

/** What was found of a dependency. */
export interface DependencyFact {
  readonly state: 'present' | 'too-old' | 'missing'
  readonly version?: string
  /** Of the program or file. */
  readonly path?: string
  /** What there is to say: `9.1 is needed`, `cannot be opened (EACCES)`. */
  readonly detail?: string
}

/** What makes it present. Packages of all dependencies are installed in one go, before the steps. */
export interface Fix {
  /** One inner list a package: alternatives, newest name first. */
  readonly packages?: readonly (readonly [string, ...string[]])[]
  readonly steps?: readonly Step[]
  /** What a person has to do, where bringup cannot. */
  readonly advice?: string
}

export interface DependencyContext {
  readonly host: HostReader
  /** Undefined on a distribution that bringup does not know. */
  readonly family: PackageFamily | undefined
  /** Versions of installed packages, of those that dependencies name. */
  readonly packages: ReadonlyMap<string, string>
  /** Of the project; relative paths of a profile start there. */
  readonly sourceFolder: string
  /** Who is to have access. */
  readonly user: string
  /** What a program says with these arguments; kept by the program's identity. */
  readonly say: (path: string, args: readonly string[]) => Promise<string>
  /** A new folder name for a step that keeps something for undoing. */
  readonly newKept: () => string
  /** Paths of programs that an option or a variable names, whatever PATH has. */
  readonly named?: Readonly<Record<string, string>>
}

/** The meaning of one kind of dependency. */
export interface DependencyKind<D extends Dependency = Dependency> {
  readonly kind: D['kind']
  /** `gcc`, `python3 module toml`. */
  title(dependency: D): string
  check(dependency: D, context: DependencyContext): Promise<DependencyFact>
  /** Asked for what is not present. */
  fix(dependency: D, context: DependencyContext): Fix
}

/** Declares a kind; exists for the types. */
export function defineDependency<D extends Dependency>(kind: DependencyKind<D>): DependencyKind<D> {
  return kind
}
