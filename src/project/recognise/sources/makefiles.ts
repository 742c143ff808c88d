/** Commands for QEMU in makefiles, those of subfolders and included ones too. Pure. */
import { posix } from 'node:path'
import { type FoundCommand, pathInTree } from '../found.ts'
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
    const names = /^-?s?include\s+(.+?)\s*$/.exec(line)?.[1]?.split(/\s+/) ?? []
    const read = names.flatMap((name) => {
      const path = pathInTree(name, folder)
      if (path === undefined || seen.has(path) || seen.size > MOST_FILES) return []
      seen.add(path)
      const included = tree.read(path)
      return included === undefined ? [] : withIncludes(tree, included, folder, seen).split('\n')
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

export function commandsInMakefiles(makefiles: readonly ReadMakefile[]): readonly FoundCommand[] {
  const [root] = makefiles
  return makefiles.flatMap((makefile) =>
    makefile.rules.flatMap((rule) =>
      rule.commands.flatMap((text, n) =>
        qemuCommandsIn(text).map((command): FoundCommand => {
          const [name = ''] = rule.targets
          const build = makefile === root ? buildOf(makefile, rule, n) : undefined
          return {
            command,
            name,
            where: `${makefile.file}, rule ${name}`,
            folder: posix.join(makefile.folder, folderOf(text)),
            ...(build === undefined ? {} : { build }),
          }
        }),
      ),
    ),
  )
}

/** `cd build && qemu …` */
function folderOf(text: string): string {
  const [, folder = '.'] = /^\s*cd\s+([\w./-]+)\s*(?:&&|;)/.exec(text) ?? []
  return folder
}

/** What the rule of the run needs, and what it does before. */
function buildOf(makefile: Makefile, rule: Rule, n: number): readonly (readonly string[])[] {
  const targets = makefile.rules.flatMap((one) => one.targets)
  const needs = rule.needs.filter((need) => targets.includes(need) && !/[$%]/.test(need))
  const before = rule.commands.slice(0, n).flatMap((text) => {
    const [command, ...more] = shellCommands(text)
    if (command === undefined || qemuIn(command) || /^(echo|printf|clear|:)$/.test(command.words[0] ?? ''))
      return []
    const isPlain = more.length === 0 && !/[<>|&;$`*?~]/.test(text)
    return [isPlain ? command.words : ['sh', '-c', text]]
  })
  const isMade = needs.length > 0 || rule.needs.length === 0
  return [
    ...(needs.length > 0 ? [['make', ...needs]] : isMade && before.length === 0 ? [['make']] : []),
    ...before,
  ]
}
