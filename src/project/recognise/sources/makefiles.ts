/** Commands for QEMU in makefiles, those of subfolders and included ones too. Pure. */
import { posix } from 'node:path'
import { type FoundCommand, passesIn, pathInTree, placeOf } from '../found.ts'
import { type Makefile, type Rule, readMakefile } from '../makefile.ts'
import { qemuCommandsIn, qemuIn } from '../qemu-words.ts'
import { shellCommands } from '../shell-words.ts'
import type { SourceTree } from '../tree.ts'

export const MAKEFILES = ['GNUmakefile', 'makefile', 'Makefile']

/** Makefiles that are read of one tree. */
const MOST_FILES = 40
const MOST_LINES = 200_000

export interface ReadMakefile extends Makefile {
  readonly file: string
  readonly folder: string
}

/** The makefile of a folder with the files that it includes, as one text. */
export function makefileIn(tree: SourceTree, folder: string): ReadMakefile | undefined {
  const name = MAKEFILES.find((one) => tree.has(posix.join(folder, one)))
  if (name === undefined) return undefined
  const file = posix.join(folder, name)
  const text = tree.read(file)
  if (text === undefined) return undefined
  return { ...readMakefile(withIncludes(tree, text, folder, new Set([file]))), file, folder }
}

function withIncludes(tree: SourceTree, text: string, folder: string, seen: Set<string>): string {
  const lines: string[] = []
  for (const line of text.split('\n')) {
    const named = /^-?s?include\s+(.+?)\s*$/.exec(line)?.[1]
    const plain = named?.includes('$') ? readMakefile(lines.join('\n')).expand(named) : named
    const names = plain?.split(/\s+/) ?? []
    const read = names.flatMap((name) => {
      const path = pathInTree(name, folder)
      if (path === undefined || seen.has(path) || seen.size > MOST_FILES) return []
      seen.add(path)
      const included = tree.read(path)
      if (included === undefined) return []
      const inner = withIncludes(tree, included, folder, seen).split('\n')
      return [`MAKEFILE_LIST += ${posix.relative(folder, path)}`, ...inner]
    })
    if (names.length > 0) lines.push(...read)
    else lines.push(line)
    if (lines.length > MOST_LINES) break
  }
  return lines.join('\n')
}

/** Makefiles of the tree: that of its root first, then those that it calls by `-C` or `cd`. */
export function makefilesOf(tree: SourceTree): readonly ReadMakefile[] {
  const found: ReadMakefile[] = []
  const seen = new Set<string>()
  const waiting = ['.']
  while (waiting.length > 0 && found.length < MOST_FILES) {
    const folder = waiting.shift() ?? '.'
    if (seen.has(folder)) continue
    seen.add(folder)
    const makefile = makefileIn(tree, folder)
    if (!makefile) continue
    found.push(makefile)
    const commands = makefile.rules.flatMap((rule) => rule.commands)
    for (const command of commands)
      for (const [, name = ''] of command.matchAll(/(?:-C\s*|\bcd\s+)([\w./-]+)/g)) {
        const inner = pathInTree(name, folder)
        if (inner !== undefined) waiting.push(inner)
      }
  }
  return found
}

export function commandsInMakefiles(
  tree: SourceTree,
  makefiles: readonly ReadMakefile[],
): readonly FoundCommand[] {
  const [root] = makefiles
  const found = makefiles.flatMap((makefile) =>
    makefile.rules.filter(isForPc).flatMap((rule) =>
      rule.commands.flatMap((text, n) => {
        const commands = [
          ...qemuCommandsIn(text).map((command) => ({ command, ...passesIn(text, command) })),
          ...inCalledScripts(tree, makefile, text),
        ]
        return commands.map((one): FoundCommand => {
          const [name = ''] = rule.targets
          const build = makefile === root ? buildOf(tree, makefile, { rule, n }) : undefined
          return {
            ...one,
            name,
            where: `${makefile.file}, rule ${name}`,
            folder: posix.join(makefile.folder, folderOf(text)),
            ...build,
          }
        })
      }),
    ),
  )
  return found.map((one) => ({ ...one, name: aliasOf(makefiles, found, one.name) }))
}

/** Rules of one makefile for several architectures are told apart by their names; their commands may look alike. */
const isForPc = ({ targets }: Rule) => !targets.some((target) => OTHER_ARCHITECTURE.test(target))
const OTHER_ARCHITECTURE =
  /(^|[-_.])(aarch64|arm|arm64|armv[78]\w*|riscv|riscv(32|64)|rv(32|64)|loongarch64|la64|mips\w*|ppc\w*|powerpc\w*|s390x?|sparc\w*|m68k|rpi\d?)([-_.]|$)/i

/** A rule that people call, where it does nothing but need this one: `run: run-x86_64`. */
function aliasOf(makefiles: readonly ReadMakefile[], found: readonly FoundCommand[], name: string): string {
  const rules = makefiles.flatMap((makefile) => makefile.rules)
  const alias = rules.find(({ targets, needs, commands }) => {
    const isCalled = targets.some((target) => placeOf(target) < placeOf(name))
    return (
      isCalled &&
      needs.includes(name) &&
      commands.length === 0 &&
      !found.some((one) => targets.includes(one.name))
    )
  })
  return alias?.targets[0] ?? name
}

/** Commands of a script that a rule runs, with the arguments that the rule gives it. */
function inCalledScripts(
  tree: SourceTree,
  { folder }: ReadMakefile,
  text: string,
): readonly Pick<FoundCommand, 'command' | 'passes'>[] {
  return shellCommands(text).flatMap(({ words }) => {
    const at = words.findIndex((word, i) => i < 2 && /\.(sh|bash)$|^\.\//.test(word))
    const path = at < 0 ? undefined : pathInTree(words[at] ?? '', folder)
    const script = path === undefined ? undefined : tree.read(path)
    if (script === undefined || !/^#!|qemu/.test(script)) return []
    return qemuCommandsIn(script, {}, words.slice(at + 1)).map((command) => ({
      command,
      ...passesIn(script, command),
    }))
  })
}

/** `cd build && qemu …` */
function folderOf(text: string): string {
  const [, folder = '.'] = /^\s*cd\s+([\w./-]+)\s*(?:&&|;)/.exec(text) ?? []
  return folder
}

/**
 * What the rule of the run needs, and its lines before the run. Make hands a line to `sh`; one that is more than a plain
 * command goes to `sh` here too. A need that is not there is made, if by a pattern.
 */
function buildOf(
  tree: SourceTree,
  makefile: Makefile,
  { rule, n }: { readonly rule: Rule; readonly n: number },
): Pick<FoundCommand, 'build' | 'isBuildGuess'> {
  const targets = makefile.rules.flatMap((one) => one.targets)
  const isMade = (need: string) => targets.includes(need) || (/[./]/.test(need) && !tree.has(need))
  const needs = rule.needs.filter((need) => !/[$%`]/.test(need) && isMade(need))
  const lines = rule.commands.slice(0, n).filter((text) => {
    const [first] = shellCommands(text)
    return first !== undefined && !qemuIn(first) && !/^(echo|printf|clear|:)$/.test(first.words[0] ?? '')
  })
  const read = lines.map(shellLine)
  const before = read.flatMap((text) => (text === undefined ? [] : [commandOf(text)]))
  const needsAll = rule.needs.length === 0 && lines.length === 0
  return {
    build: [...(needs.length > 0 ? [['make', ...needs]] : needsAll ? [['make']] : []), ...before],
    ...(read.includes(undefined) ? { isBuildGuess: true } : {}),
  }
}

/** A line as make hands it to a shell; undefined if it has a variable or function whose value only make knows. */
function shellLine(text: string): string | undefined {
  const isUnknown = /\$/.test(text.replaceAll('$$', ''))
  return isUnknown ? undefined : text.replaceAll('$$', '$')
}

function commandOf(text: string): readonly string[] {
  const [command, ...more] = shellCommands(text)
  const isPlain = command !== undefined && more.length === 0 && !/[<>|&;$`*?~]/.test(text)
  return isPlain ? command.words : ['sh', '-c', text]
}
