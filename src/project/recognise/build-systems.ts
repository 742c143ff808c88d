/**
 * Kernels by their build system, where no profile knows the tree: cargo, Meson, CMake, make, just, a script. What is booted
 * is read from the QEMU command that the tree has itself, wherever that stands; else from what the build says it makes; else
 * it is a guess, and said to be one.
 */
import { type Booted, bootedBy, type MediumKey } from './booted.ts'
import { type FoundCommand, placeOf } from './found.ts'
import { at, cargoConfig, commandsOfCargo, textAt, tomlIn } from './sources/cargo.ts'
import { CMAKE_FOLDER, readCmake } from './sources/cmake.ts'
import { commandsInPrograms } from './sources/literals.ts'
import { commandsInMakefiles, makefilesOf } from './sources/makefiles.ts'
import { MESON_FOLDER, readMeson } from './sources/meson.ts'
import { commandsInCi, commandsInJustfile, commandsInScripts, scriptsOf } from './sources/scripts.ts'
import { toolsOf } from './tools.ts'
import type { ConfigSketch, SketchEntry, SourceTree } from './tree.ts'

type Commands = readonly (readonly string[])[]

interface Output {
  readonly key: MediumKey
  readonly path: string
}

/** One way in which the tree is built. */
interface BuildSystem {
  readonly what: string
  readonly because: string
  readonly build: Commands
  /** What the build says that it makes, and whether that is a guess. */
  readonly output: Output & { readonly isGuess: boolean }
  /** Commands for QEMU in its own files. */
  readonly found: readonly FoundCommand[]
  /** Files that it has rules for. */
  readonly targets?: readonly string[]
}

type Detect = (tree: SourceTree) => BuildSystem | undefined

/** Cargo packages, and workspaces with a member that is a program without the standard library. */
const cargo: Detect = (tree) => {
  const manifest = tomlIn(tree, 'Cargo.toml')
  if (manifest === undefined) return undefined
  const list = at(manifest, 'workspace', 'members')
  const members = Array.isArray(list) ? membersOf(list.map(String), tree) : []
  const folder = ['.', ...members].find((f) => isBareProgram(tree, f)) ?? '.'
  const name = textAt(folder === '.' ? manifest : tomlIn(tree, `${folder}/Cargo.toml`), 'package', 'name')
  const target = textAt(cargoConfig(tree), 'build', 'target')
  // A target file such as `x86_64-kernel.json` gives a folder of its name without the ending.
  const triple = target === undefined ? '' : `${target.replace(/^.*\//, '').replace(/\.json$/, '')}/`
  const build = ['cargo', 'build', ...(folder === '.' || name === undefined ? [] : ['--package', name])]
  const found = commandsOfCargo(tree, { folder, name: name ?? 'kernel', triple, build })
  return {
    what: `cargo ${folder === '.' ? 'package' : 'workspace with the kernel'} ${name ?? ''}`.trim(),
    because: 'Cargo.toml',
    build: hasXtask(tree, members) ? [['cargo', 'xtask', 'build']] : [build],
    output: { key: 'image', path: `target/${triple}debug/${name ?? 'kernel'}`, isGuess: name === undefined },
    found,
  }
}

/** The member `xtask` builds what cargo alone cannot, where it has a command for that. */
const hasXtask = (tree: SourceTree, members: readonly string[]) =>
  members.includes('xtask') &&
  /["']build["']/.test(tree.read('xtask/src/main.rs') ?? '') &&
  textAt(cargoConfig(tree), 'alias', 'xtask') !== undefined

function membersOf(list: readonly string[], tree: SourceTree): readonly string[] {
  return list.flatMap((member) =>
    member.endsWith('/*')
      ? tree.list(member.slice(0, -2)).map((name) => `${member.slice(0, -2)}/${name}`)
      : [member],
  )
}

const isBareProgram = (tree: SourceTree, folder: string) =>
  /^#!\[no_main\]/m.test(tree.read(`${folder}/src/main.rs`) ?? '')

const cmake: Detect = (tree) => {
  const project = readCmake(tree)
  if (!project) return undefined
  const { program, found } = project
  return {
    what: 'CMake project',
    because: 'CMakeLists.txt',
    build: [
      ['cmake', '-S', '.', '-B', CMAKE_FOLDER],
      ['cmake', '--build', CMAKE_FOLDER],
    ],
    output: { key: 'image', path: `${CMAKE_FOLDER}/${program ?? 'kernel'}`, isGuess: program === undefined },
    found,
  }
}

const meson: Detect = (tree) => {
  const project = readMeson(tree)
  if (!project) return undefined
  const { program, found } = project
  return {
    what: 'Meson project',
    because: 'meson.build',
    build: [
      ['meson', 'setup', MESON_FOLDER],
      ['meson', 'compile', '-C', MESON_FOLDER],
    ],
    output: { key: 'image', path: `${MESON_FOLDER}/${program ?? 'kernel'}`, isGuess: program === undefined },
    found,
  }
}

/** Files that a makefile has rules for, the ones most likely to boot first. */
const BOOTABLE: readonly (readonly [MediumKey, RegExp])[] = [
  ['iso', /\.iso$/],
  ['floppy', /(?:floppy[\w.-]*|\.flp|\.fd)$/i],
  ['disk', /\.(img|hdd|raw)$/],
  ['image', /(\.elf|bzImage|vmlinux)$/],
]

const make: Detect = (tree) => {
  const makefiles = makefilesOf(tree)
  const [root] = makefiles
  if (!root) return undefined
  const targets = root.rules.flatMap((rule) => rule.targets)
  const [said] = BOOTABLE.flatMap(([key, pattern]) =>
    targets.filter((path) => pattern.test(path) && !/[$%]/.test(path)).map((path): Output => ({ key, path })),
  )
  const needed = root.rules[0]?.needs ?? []
  const isMade =
    said !== undefined && (root.rules[0]?.targets.includes(said.path) || needed.includes(said.path))
  const ask = said === undefined ? (targets.includes('image') ? ['image'] : []) : isMade ? [] : [said.path]
  return {
    what: 'make project',
    because: root.file,
    build: [['make', ...ask]],
    output: said ? { ...said, isGuess: false } : { key: 'image', path: 'build/kernel.elf', isGuess: true },
    found: commandsInMakefiles(tree, makefiles),
    targets,
  }
}

const just: Detect = (tree) => {
  const file = ['justfile', 'Justfile', '.justfile'].find(tree.has)
  if (file === undefined) return undefined
  const isNamed = /^build\b[^:=\n]*:(?!=)/m.test(tree.read(file) ?? '')
  return {
    what: 'just project',
    because: file,
    build: [['just', ...(isNamed ? ['build'] : [])]],
    output: { key: 'image', path: 'build/kernel.elf', isGuess: true },
    found: commandsInJustfile(tree),
  }
}

/** A tree that has scripts alone. */
const script: Detect = (tree) => {
  const scripts = scriptsOf(tree)
  const build = scripts.find(({ path }) => /(^|\/)(build|make|compile|mk\w*)(\.sh)?$/.test(path))
  const found = commandsInScripts(tree)
  if (build === undefined && found.length === 0) return undefined
  return {
    what: 'scripts',
    because: build?.path ?? found[0]?.where ?? 'a script',
    build: build === undefined ? [] : [[shellOf(build.text), build.path]],
    output: { key: 'image', path: 'build/kernel.elf', isGuess: true },
    found: [],
  }
}

const shellOf = (text: string) => /^#!.*\b(bash|zsh)\b/.exec(text)?.[1] ?? 'sh'

/** More than one may fit: the first whose own files start QEMU decides, else the first that fits. */
const BUILD_SYSTEMS: readonly Detect[] = [meson, cmake, cargo, make, just, script]

/** What the tree is, by its build system; undefined where none is known. */
export function byBuildSystem(tree: SourceTree): ConfigSketch | undefined {
  const systems = BUILD_SYSTEMS.flatMap((detect) => detect(tree) ?? [])
  const own = systems.flatMap((system) => candidates(system.found).map((one) => ({ system, ...one })))
  const [fallback] = systems
  if (!fallback) return undefined
  const others = candidates([...commandsInScripts(tree), ...commandsInPrograms(tree), ...commandsInCi(tree)])
  const chosen = own[0] ?? (others[0] ? { system: fallback, ...others[0] } : undefined)
  const all = [...own, ...others]
  if (chosen) return bootedSketch(tree, chosen.system, { ...chosen, others: namesOf(all, chosen.found) })
  const unread = [
    ...systems.flatMap(({ found }) => found),
    ...commandsInScripts(tree),
    ...commandsInPrograms(tree),
  ]
  return guessedSketch(tree, fallback, unread[0]?.where)
}

interface Candidate {
  readonly found: FoundCommand
  readonly booted: Booted
}

/** Commands that say what they boot, those that people call for it first. */
function candidates(found: readonly FoundCommand[]): readonly Candidate[] {
  return found
    .toSorted((a, b) => placeOf(a.name) - placeOf(b.name))
    .flatMap((one) => {
      const booted = bootedBy(one)
      return booted ? [{ found: one, booted }] : []
    })
}

function namesOf(all: readonly Candidate[], chosen: FoundCommand): readonly string[] {
  const names = all.filter(({ found }) => found !== chosen).map(({ found }) => found.where)
  return [...new Set(names)].filter((name) => name !== chosen.where)
}

const COMMENT = [
  'How it is built, and what comes out: `image` for a kernel that QEMU loads (bzImage, PVH or multiboot ELF),',
  '`disk` for a raw disk image with a boot sector, `iso`, `floppy`, `esp` for a folder with EFI/BOOT/BOOTX64.EFI.',
]

function kernelEntry(
  tree: SourceTree,
  build: Commands,
  rest: Readonly<Record<string, unknown>>,
): SketchEntry {
  const tools = toolsOf(tree, build)
  const [only] = build
  const value = {
    ...(build.length === 0 ? {} : { build: build.length === 1 ? only : build }),
    ...(tools.length === 0 ? {} : { tools }),
    ...rest,
  }
  return { key: 'kernel', value, comment: COMMENT }
}

/** `unread`: where a command for QEMU is that does not say plainly what it boots. */
function guessedSketch(
  tree: SourceTree,
  { what, because, build, output }: BuildSystem,
  unread: string | undefined,
): ConfigSketch {
  return {
    what,
    because,
    entries: [kernelEntry(tree, build, { [output.key]: output.path })],
    remarks: [
      ...(output.isGuess || unread !== undefined
        ? [`the path ${output.path} is a guess: correct kernel.${output.key}`]
        : []),
      ...(unread === undefined
        ? []
        : [
            `the QEMU command of ${unread} does not say plainly what it boots: see \`bringup import ${unread.split(',')[0]}\``,
          ]),
    ],
  }
}

function bootedSketch(
  tree: SourceTree,
  system: BuildSystem,
  { found, booted, others }: Candidate & { readonly others: readonly string[] },
): ConfigSketch {
  const { key, paths, bus, machine, exitCodes, notes } = booted
  const { build, isGuess } = buildFor(system, found, booted)
  const [path] = paths
  const entry = kernelEntry(tree, build, {
    [key]: paths.length > 1 ? paths : path,
    ...(bus === undefined ? {} : { bus }),
    ...(exitCodes === undefined ? {} : { exitCodes }),
  })
  return {
    what: system.what,
    because: system.because,
    entries: [
      entry,
      {
        key: 'machines',
        value: { default: machine },
        comment: [
          `The machine that it runs on, as the QEMU command of ${found.where} says it; see \`bringup plan\`.`,
        ],
      },
    ],
    remarks: isGuess ? [`how ${path} is built is a guess: correct kernel.build`] : [],
    notes: [
      ...(others.length > 0 ? [`Other QEMU commands of this tree: ${others.slice(0, 8).join('; ')}`] : []),
      ...notes,
    ],
  }
}

/** The files by their own rules, where there are some; else what the command's own file does before it. */
function buildFor(
  system: BuildSystem,
  found: FoundCommand,
  { files }: Booted,
): { readonly build: Commands; readonly isGuess: boolean } {
  const made = files.filter((file) => system.targets?.includes(file) === true)
  if (made.length > 0) return { build: [['make', ...made]], isGuess: false }
  const own = found.build
  if (own !== undefined && own.length > 0) return { build: own, isGuess: false }
  if (system.build.length > 0) return { build: system.build, isGuess: false }
  return { build: [], isGuess: true }
}
