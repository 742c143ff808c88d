/** Commands for QEMU of cargo: the runner of a target, and what bootimage is told. Pure. */
import { parse } from 'smol-toml'
import type { FoundCommand } from '../found.ts'
import { qemuIn } from '../qemu-words.ts'
import { shellCommands } from '../shell-words.ts'
import type { SourceTree } from '../tree.ts'

/** A table of a TOML file, read at a path of keys. */
type Table = Readonly<Record<string, unknown>>

export function tomlIn(tree: SourceTree, path: string): Table | undefined {
  const text = tree.read(path)
  if (text === undefined) return undefined
  try {
    return parse(text) as Table
  } catch {
    return undefined
  }
}

export function at(table: Table | undefined, ...keys: readonly string[]): unknown {
  let value: unknown = table
  for (const key of keys)
    value = typeof value === 'object' && value !== null ? (value as Table)[key] : undefined
  return value
}

export const textAt = (table: Table | undefined, ...keys: readonly string[]): string | undefined => {
  const value = at(table, ...keys)
  return typeof value === 'string' ? value : undefined
}

const wordsAt = (table: Table | undefined, ...keys: readonly string[]): readonly string[] => {
  const value = at(table, ...keys)
  if (typeof value === 'string') return shellCommands(value)[0]?.words ?? []
  return Array.isArray(value) ? value.filter((word): word is string => typeof word === 'string') : []
}

export const cargoConfig = (tree: SourceTree) =>
  tomlIn(tree, '.cargo/config.toml') ?? tomlIn(tree, '.cargo/config')

export interface CargoBinary {
  readonly folder: string
  readonly name: string
  /** Folder of the triple in `target`, with its slash; empty for the host. */
  readonly triple: string
  readonly build: readonly string[]
}

/** The program of a package; undefined where it makes a library alone, or several of which none is the one. */
export function programOf(tree: SourceTree, folder: string, manifest: Table | undefined): string | undefined {
  const name = textAt(manifest, 'package', 'name')
  const listed = at(manifest, 'bin')
  const bins = (Array.isArray(listed) ? listed : []) as readonly Table[]
  const named = bins.flatMap((bin) => textAt(bin, 'name') ?? [])
  const ofMain = bins.find((bin) => textAt(bin, 'path') === 'src/main.rs')
  const hasMain = tree.has(`${folder}/src/main.rs`)
  const inFolder = tree.list(`${folder}/src/bin`).map((file) => file.replace(/\.rs$/, ''))
  const all = [
    ...new Set([...named, ...(hasMain && !ofMain && name !== undefined ? [name] : []), ...inFolder]),
  ]
  const chosen = [textAt(manifest, 'package', 'default-run'), textAt(ofMain, 'name'), name]
  return all.length === 1 ? all[0] : chosen.find((one) => one !== undefined && all.includes(one))
}

/** Runners and bootimage, for the program that the package makes. */
export function commandsOfCargo(tree: SourceTree, binary: CargoBinary): readonly FoundCommand[] {
  const config = cargoConfig(tree)
  const tables = [at(config, 'build'), ...Object.values((at(config, 'target') as Table | undefined) ?? {})]
  const runners = tables.map((table) => wordsAt(table as Table | undefined, 'runner'))
  const program = `target/${binary.triple}debug/${binary.name}`
  const manifest = tomlIn(tree, binary.folder === '.' ? 'Cargo.toml' : `${binary.folder}/Cargo.toml`)
  return [
    ...runners.flatMap((words) => ofRunner(tree, words, program, binary)),
    ...(runners.some((words) => words[0] === 'bootimage') ||
    at(manifest, 'package', 'metadata', 'bootimage') !== undefined
      ? ofBootimage(manifest, binary)
      : []),
  ]
}

function ofRunner(
  tree: SourceTree,
  words: readonly string[],
  program: string,
  { build }: CargoBinary,
): readonly FoundCommand[] {
  const own = qemuIn({ words: [...words, program] })
  const found = { where: '.cargo/config.toml, runner', folder: '.', name: 'run', build: [build] }
  if (own) return [{ ...found, command: own }]
  const script = words.find((word) => /\.(sh|bash)$/.test(word))?.replace(/^\.\//, '')
  const text = script === undefined ? undefined : tree.read(script)
  const lines = text?.replaceAll(/\$\{?1\}?/g, program).replaceAll(/"?\$@"?/g, program) ?? ''
  return shellCommands(lines).flatMap((command) => {
    const qemu = qemuIn(command)
    return qemu ? [{ ...found, where: `${script}, the runner`, command: qemu }] : []
  })
}

/** bootimage puts kernel and boot loader into one disk (its Readme: run-command, run-args, test-success-exit-code). */
function ofBootimage(
  manifest: Table | undefined,
  { name, triple, folder }: CargoBinary,
): readonly FoundCommand[] {
  const key = ['package', 'metadata', 'bootimage']
  const image = `target/${triple}debug/bootimage-${name}.bin`
  const own = wordsAt(manifest, ...key, 'run-command')
  const command =
    own.length > 0
      ? own.map((word) => word.replaceAll('{}', image))
      : ['qemu-system-x86_64', '-drive', `format=raw,file=${image}`]
  const qemu = qemuIn({ words: [...command, ...wordsAt(manifest, ...key, 'run-args')] })
  const status = at(manifest, ...key, 'test-success-exit-code')
  const isPass = typeof status === 'number' && status % 2 === 1
  const test = wordsAt(manifest, ...key, 'test-args')
  // The exit device is an argument of tests; it does no harm in a run.
  const device = test.flatMap((word, i) =>
    word === '-device' && test[i + 1]?.startsWith('isa-debug-exit') ? [word, test[i + 1] ?? ''] : [],
  )
  if (!qemu) return []
  return [
    {
      command: {
        ...qemu,
        words: [...qemu.words, ...(qemu.words.some((w) => w.startsWith('isa-debug-exit')) ? [] : device)],
      },
      where: `${folder === '.' ? '' : `${folder}/`}Cargo.toml, package.metadata.bootimage`,
      folder: '.',
      name: 'run',
      build: [['cargo', 'bootimage', ...(folder === '.' ? [] : ['--manifest-path', `${folder}/Cargo.toml`])]],
      ...(isPass ? { passes: [(status - 1) / 2] } : {}),
    },
  ]
}
