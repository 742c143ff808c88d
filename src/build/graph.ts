/**
 * What a build is, as plain data: targets that need one another, and what is done for each. It can be printed, compared
 * and checked before anything runs; `build.ts` acts on it.
 */
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { PackageFamily } from '../host/distribution.ts'
import { nearest } from '../nearest.ts'
import type { FileSource, FileTree, ImageSpec } from '../project/images/image.ts'

export const problems = defineDiagnostics({
  BUILD_GRAPH_WRONG: {
    title: 'The build graph that a profile made contradicts itself.',
    why: 'a target that needs itself, or one that does not exist, can never be built',
    remedy: 'correct the `build` function of the profile',
  },
  BUILD_TARGET_UNKNOWN: {
    title: 'The build has no target of that name.',
    why: 'targets are named by the profile',
    remedy: '`bringup build --list` shows them',
  },
})

/** Runs one program. There is no shell: every word is one argument. */
export interface CommandAction {
  readonly kind: 'command'
  /** The program and its arguments: `['make', '-C', 'kernel']`. */
  readonly argv: readonly [string, ...string[]]
  /** Folder in which it runs, relative to the project's folder. Default: the project's folder. */
  readonly cwd?: string
  /** Added to the environment; null takes a variable away. */
  readonly env?: Readonly<Record<string, string | null>>
}

/**
 * Makes a folder hold exactly these files, such as an EFI system partition. What else lies in it is removed, so name a
 * folder that belongs to the build alone.
 */
export interface TreeAction {
  readonly kind: 'tree'
  /** The folder, relative to the project's folder. */
  readonly to: string
  /** By path within the folder: `{ 'EFI/BOOT/BOOTX64.EFI': { from: 'target/bootloader.efi' } }`. */
  readonly files: FileTree
}

/** Writes one file, and leaves its folder alone. */
export interface FileAction {
  readonly kind: 'file'
  /** The file, relative to the project's folder. */
  readonly to: string
  readonly source: FileSource
}

/** Makes a file system or disk image; the same input gives the same bytes. */
export interface ImageAction {
  readonly kind: 'image'
  /** The image file, relative to the project's folder. */
  readonly to: string
  readonly image: ImageSpec
}

/** Looks whether lines stand in a text file, such as options in a configuration that a tool has written. */
export interface CheckAction {
  readonly kind: 'check'
  /** The file, relative to the project's folder. */
  readonly file: string
  /** Lines that must stand in it, whole. */
  readonly lines: readonly string[]
  /** What to do about it where one is missing. */
  readonly remedy: string
}

export type BuildAction = CommandAction | TreeAction | FileAction | ImageAction | CheckAction

/** One thing that can be built, such as a kernel, a user program or an image. */
export interface BuildTarget {
  /** Short and stable; what is typed after `bringup build`: `kernel`. */
  readonly id: string
  /** One line for `bringup build --list`. */
  readonly summary: string
  /** Ids of targets that are built before. */
  readonly needs?: readonly string[]
  /** Files and folders that it reads, relative to the project's folder. */
  readonly inputs?: readonly string[]
  /** Files that it makes, relative to the project's folder. They must be there afterwards. */
  readonly outputs?: readonly string[]
  /**
   * `inputs` and `outputs` say everything: nothing is done while neither has changed. Default: true where no program is
   * run, else false, since cargo, make and ninja know better themselves what is to be done, and are always asked.
   */
  readonly isComplete?: boolean
  /** Done one after another. */
  readonly actions: readonly BuildAction[]
}

/** A program that a tool of the build runs, or a file that it reads. */
export type BuildRequirement = { readonly why: string; readonly packages?: BuildPackages } & (
  | { readonly program: string }
  | { readonly file: string }
)

/** The package by distribution family. */
export type BuildPackages = Partial<Readonly<Record<PackageFamily, string>>>

export interface BuildGraph {
  readonly targets: readonly BuildTarget[]
  /** Ids of the targets that are built when none is named. Default: all. */
  readonly defaultTargets?: readonly string[]
  /** What the commands need beyond the programs that they name: looked for before anything starts. */
  readonly requires?: readonly BuildRequirement[]
  /** Which packages have the programs that the commands run, where bringup does not know them itself. */
  readonly packages?: Readonly<Record<string, BuildPackages>>
}

/** What is wrong with a graph: ids that are used twice, needs that do not exist, circles. */
export function checkGraph(graph: BuildGraph): readonly Diagnostic[] {
  const ids = graph.targets.map((t) => t.id)
  const wrong = (path: string, what: string) => problems.BUILD_GRAPH_WRONG.at(path, what)
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index)
  const unknown = graph.targets.flatMap((t) =>
    (t.needs ?? [])
      .filter((need) => !ids.includes(need))
      .map((need) => wrong(t.id, `target "${t.id}" needs "${need}", which does not exist`)),
  )
  const defaults = (graph.defaultTargets ?? [])
    .filter((id) => !ids.includes(id))
    .map((id) => wrong('defaultTargets', `there is no target "${id}"`))
  const circle = findCircle(graph)
  return [
    ...twice.map((id) => wrong(id, `two targets have the id "${id}"`)),
    ...unknown,
    ...defaults,
    ...(circle ? [wrong(circle[0] ?? '', `targets need one another: ${circle.join(' → ')}`)] : []),
  ]
}

function findCircle(graph: BuildGraph): readonly string[] | undefined {
  const byId = new Map(graph.targets.map((t) => [t.id, t]))
  const done = new Set<string>()
  const visit = (id: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(id)) return [...path.slice(path.indexOf(id)), id]
    if (done.has(id)) return undefined
    done.add(id)
    for (const need of byId.get(id)?.needs ?? []) {
      const circle = visit(need, [...path, id])
      if (circle) return circle
    }
    return undefined
  }
  for (const id of byId.keys()) {
    const circle = visit(id, [])
    if (circle) return circle
  }
  return undefined
}

/**
 * The named targets (or the default ones) with everything that they need, in an order in which they can be built.
 *
 * @throws BringupError BUILD_GRAPH_WRONG, BUILD_TARGET_UNKNOWN
 */
export function selectTargets(graph: BuildGraph, named: readonly string[]): readonly BuildTarget[] {
  const wrong = checkGraph(graph)
  if (wrong.length > 0) throw new BringupError(wrong)
  const byId = new Map(graph.targets.map((t) => [t.id, t]))
  const unknown = named.filter((id) => !byId.has(id))
  if (unknown.length > 0) throw new BringupError(unknown.map((id) => unknownTarget(id, [...byId.keys()])))
  const selected: BuildTarget[] = []
  const add = (id: string): void => {
    const target = byId.get(id)
    if (!target || selected.includes(target)) return
    for (const need of target.needs ?? []) add(need)
    selected.push(target)
  }
  for (const id of named.length > 0 ? named : (graph.defaultTargets ?? [...byId.keys()])) add(id)
  return selected
}

function unknownTarget(id: string, known: readonly string[]): Diagnostic {
  const meant = nearest(id, known)
  return problems.BUILD_TARGET_UNKNOWN.at('', `there is no target "${id}"`, {
    remedy: `${meant === undefined ? '' : `did you mean "${meant}"? `}The targets are: ${known.join(', ')}`,
  })
}
