/** Build systems, each by its own files: cargo, Meson, CMake, make, just, those whose files are programs, a script. Pure. */
import { posix } from 'node:path'
import type { MediumKey } from './booted.ts'
import type { FoundCommand } from './found.ts'
import { at, cargoConfig, commandsOfCargo, programOf, textAt, tomlIn } from './sources/cargo.ts'
import { CMAKE_FOLDER, readCmake } from './sources/cmake.ts'
import { commandsInJustfile, justfileIn } from './sources/just.ts'
import { literalCommands } from './sources/literals.ts'
import { commandsInMakefiles, makefilesOf } from './sources/makefiles.ts'
import { MESON_FOLDER, readMeson } from './sources/meson.ts'
import { commandsInScripts, scriptsOf, shellOf } from './sources/scripts.ts'
import type { SourceTree } from './tree.ts'

export type Commands = readonly (readonly string[])[]

interface Output {
  readonly key: MediumKey
  readonly path: string
}

/** One way in which the tree is built. */
export interface BuildSystem {
  readonly what: string
  readonly because: string
  readonly build: Commands
  /** What the build says that it makes, and whether that is a guess. */
  readonly output: Output & { readonly isGuess: boolean }
  /** Commands for QEMU in its own files. */
  readonly found: readonly FoundCommand[]
  /** Files that it has rules for. */
  readonly targets?: readonly string[]
  /** Whether its commands name a file; undefined where they are not read. */
  readonly names?: (file: string) => boolean
}

type Detect = (tree: SourceTree) => BuildSystem | undefined

/** Cargo packages, and workspaces with a member that is a program without the standard library. */
const cargo: Detect = (tree) => {
  const manifest = tomlIn(tree, 'Cargo.toml')
  if (manifest === undefined) return undefined
  const list = at(manifest, 'workspace', 'members')
  const members = Array.isArray(list) ? membersOf(list.map(String), tree) : []
  const folder = ['.', ...members].find((f) => isBareProgram(tree, f)) ?? '.'
  const own = folder === '.' ? manifest : tomlIn(tree, `${folder}/Cargo.toml`)
  const name = textAt(own, 'package', 'name')
  const program = programOf(tree, folder, own)
  // bootimage before 0.10 had a target of its own.
  const target =
    textAt(cargoConfig(tree), 'build', 'target') ??
    textAt(own, 'package', 'metadata', 'bootimage', 'default-target')
  // A target file such as `x86_64-kernel.json` gives a folder of its name without the ending.
  const triple = target === undefined ? '' : `${target.replace(/^.*\//, '').replace(/\.json$/, '')}/`
  const build = ['cargo', 'build', ...(folder === '.' || name === undefined ? [] : ['--package', name])]
  const found = commandsOfCargo(tree, { folder, name: program ?? name ?? 'kernel', triple, build })
  return {
    what: `cargo ${folder === '.' ? 'package' : 'workspace with the kernel'} ${name ?? ''}`.trim(),
    because: 'Cargo.toml',
    build: hasXtask(tree, members) ? [['cargo', 'xtask', 'build']] : [build],
    output: {
      key: 'image',
      path: `target/${triple}debug/${program ?? name ?? 'kernel'}`,
      // A kernel is seldom built for this computer's own target.
      isGuess: program === undefined || target === undefined,
    },
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
  const { program, medium, found } = project
  const isByDefault = medium?.target === undefined || medium.target === 'all'
  return {
    what: 'CMake project',
    because: 'CMakeLists.txt',
    build: [
      ['cmake', '-S', '.', '-B', CMAKE_FOLDER],
      ['cmake', '--build', CMAKE_FOLDER, ...(isByDefault ? [] : ['--target', medium.target])],
    ],
    output:
      medium === undefined
        ? { key: 'image', path: `${CMAKE_FOLDER}/${program ?? 'kernel'}`, isGuess: program === undefined }
        : {
            key: medium.path.endsWith('.iso') ? 'iso' : 'disk',
            path: medium.path,
            isGuess: medium.target === undefined,
          },
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
    names: (file) =>
      makefiles.some(({ rules }) =>
        rules.some(({ commands }) => commands.some((command) => command.includes(posix.basename(file)))),
      ),
  }
}

/** Build systems whose files are programs: what they make is not read, only how they start QEMU. */
const PROGRAMS: readonly {
  readonly what: string
  readonly file: string
  readonly build: readonly string[]
  readonly path: string
}[] = [
  { what: 'Zig project', file: 'build.zig', build: ['zig', 'build'], path: 'zig-out/bin/kernel.elf' },
  { what: 'SCons project', file: 'SConstruct', build: ['scons'], path: 'build/kernel.elf' },
  { what: 'xmake project', file: 'xmake.lua', build: ['xmake'], path: 'build/kernel.elf' },
  { what: 'Rake project', file: 'Rakefile', build: ['rake'], path: 'build/kernel.elf' },
]

const byProgram: readonly Detect[] = PROGRAMS.map(
  ({ what, file, build, path }): Detect =>
    (tree) => {
      if (!tree.has(file)) return undefined
      const found = literalCommands(tree.read(file) ?? '').map(
        (command): FoundCommand => ({ command, where: file, folder: '.', name: 'run', build: [build] }),
      )
      return { what, because: file, build: [build], output: { key: 'image', path, isGuess: true }, found }
    },
)

const just: Detect = (tree) => {
  const justfile = justfileIn(tree)
  if (!justfile) return undefined
  const isNamed = justfile.recipes.some(({ name }) => name === 'build')
  return {
    what: 'just project',
    because: justfile.file,
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

/** More than one may fit: the first whose own files start QEMU decides, else the first that fits. */
export const BUILD_SYSTEMS: readonly Detect[] = [meson, cmake, cargo, make, just, ...byProgram, script]
