/** Programs that a build calls beyond those that it starts with, as far as its files say them. Pure. */
import { isKnownTool } from '../../build/tools.ts'
import { shellCommands } from './shell-words.ts'
import { at, cargoConfig, textAt, tomlIn } from './sources/cargo.ts'
import { cmakeText } from './sources/cmake.ts'
import { justfileIn } from './sources/just.ts'
import { makefilesOf } from './sources/makefiles.ts'
import { commandsInProgramText } from './sources/program-words.ts'
import { scriptsOf } from './sources/scripts.ts'
import type { SourceTree } from './tree.ts'

const MOST_TOOLS = 40

/** Names for `kernel.tools`, without those that `build` starts with. */
export function toolsOf(tree: SourceTree, build: readonly (readonly string[])[]): readonly string[] {
  const starts = build.map(([program = '']) => program)
  const texts = [
    ...makefilesOf(tree).flatMap(({ rules }) => rules.flatMap((rule) => rule.commands)),
    ...scriptsOf(tree).map(({ text }) => text),
    ...(justfileIn(tree)?.recipes.flatMap(({ lines }) => lines) ?? []),
    ...build.flatMap(([, flag, text = '']) => (flag === '-c' || flag === '-ec' ? [text] : [])),
  ]
  const called = texts.flatMap((text) => shellCommands(text).flatMap(({ words }) => wordsCalled(words)))
  const said = [
    ...called,
    ...ofVariables(tree),
    ...ofCargo(tree),
    ...ofMeson(tree),
    ...ofCmake(tree),
    ...commandsInProgramText(tree),
  ]
  const found = new Set(said.filter((name) => isKnownTool(name) && !starts.includes(name)))
  return [...found].slice(0, MOST_TOOLS).toSorted()
}

/** The program of a command, and what its arguments need: 32-bit code, an assembler. */
function wordsCalled(words: readonly string[]): readonly string[] {
  const first =
    words.find((word) => !/^[A-Za-z_]\w*=|^(if|then|do|else|!|sudo|env|exec|time)$/.test(word)) ?? ''
  const called = first.replace(/^[@+-]+/, '')
  // `./limine/limine` is a program of the tree.
  const program = /^[^/$]*\//.test(called) && !called.startsWith('/') ? '' : called.replace(/^.*\//, '')
  // Libraries for 32 bits are another package; code that links none does without.
  const is32 =
    /(^|-)(gcc|g\+\+|cc)(-\d+)?$/.test(program) &&
    words.includes('-m32') &&
    !words.includes('-c') &&
    !words.includes('-S')
  return [program, ...(is32 && !words.includes('-nostdlib') ? ['gcc -m32'] : [])]
}

/** Variables that make's own rules use, and those that recipes call programs by. */
const VARIABLES = ['CC', 'CXX', 'AS', 'LD', 'AR', 'OBJCOPY', 'NASM', 'ASM', 'HOSTCC', 'PYTHON', 'PERL']

function ofVariables(tree: SourceTree): readonly string[] {
  return makefilesOf(tree).flatMap(({ expand }) =>
    VARIABLES.flatMap((name) => {
      const value = expand(`$(${name})`)
      return value.startsWith('$(') ? [] : wordsCalled(value.split(/\s+/)).slice(0, 1)
    }),
  )
}

/** Targets that rustup has, the sources of the library for others, and bootimage. */
function ofCargo(tree: SourceTree): readonly string[] {
  const config = cargoConfig(tree)
  const manifest = tomlIn(tree, 'Cargo.toml')
  if (manifest === undefined) return []
  const target = textAt(config, 'build', 'target')
  const isOwn = target?.endsWith('.json') === true
  const hasBootimage =
    at(manifest, 'package', 'metadata', 'bootimage') !== undefined ||
    JSON.stringify(config ?? {}).includes('bootimage')
  return [
    'cargo',
    ...(target === undefined || isOwn ? [] : [`rustup target ${target}`]),
    ...(isOwn || at(config, 'unstable', 'build-std') !== undefined ? ['rustup component rust-src'] : []),
    ...(hasBootimage ? ['cargo-bootimage', 'rustup component llvm-tools-preview'] : []),
  ]
}

function ofMeson(tree: SourceTree): readonly string[] {
  const text = tree.read('meson.build')
  if (text === undefined) return []
  const named = [...text.matchAll(/find_program\s*\(\s*'([^']+)'/g)].map(([, name = '']) => name)
  return ['ninja', ...(/'c'/.test(text) ? ['gcc'] : []), ...(/'nasm'/.test(text) ? ['nasm'] : []), ...named]
}

function ofCmake(tree: SourceTree): readonly string[] {
  const text = cmakeText(tree)
  if (text === undefined) return []
  const named = [
    ...text.matchAll(/\b(?:find_program\s*\(\s*\w+\s+(?:NAMES\s+)?|COMMAND\s+)"?([\w.+-]+)/gi),
  ].map(([, name = '']) => name)
  const compilers = [...text.matchAll(/CMAKE_\w+_COMPILER\s+"?([\w.+/-]+)/g)].map(([, name = '']) =>
    name.replace(/^.*\//, ''),
  )
  return ['make', 'gcc', ...(/ASM_NASM/.test(text) ? ['nasm'] : []), ...named, ...compilers]
}
