/** Commands for QEMU of CMake's custom targets, and the programs of a CMake project. Pure. */
import { posix } from 'node:path'
import type { FoundCommand } from '../found.ts'
import { qemuIn } from '../qemu-words.ts'
import { shellCommands } from '../shell-words.ts'
import type { SourceTree } from '../tree.ts'

export const CMAKE_FOLDER = 'build'

/** Folders in which trees keep modules of CMake. */
const MODULES = ['cmake', 'cmake/modules', 'CMake', '.']
const MOST_FILES = 40
const LONGEST = 10_000
/** `set(NAME value)`, with CACHE and its type behind it or not; `list(APPEND NAME more)`. */
const SETS =
  /\b(set\s*\(|list\s*\(\s*APPEND\s)\s*(\w+)\s+(?:"([^"\n]*)"|([^)]*?))(?:\s+(?:CACHE\b[^)]*|PARENT_SCOPE))?\s*\)/gi

const KEYWORDS =
  /^(ALL|COMMAND|DEPENDS|BYPRODUCTS|WORKING_DIRECTORY|COMMENT|VERBATIM|USES_TERMINAL|SOURCES|COMMAND_EXPAND_LISTS|JOB_POOL)$/

export interface CmakeProject {
  readonly found: readonly FoundCommand[]
  /** The first program. */
  readonly program: string | undefined
  /** The first medium that a command makes: an ISO or a disk image. */
  readonly medium: Medium | undefined
}

interface Medium {
  readonly path: string
  /** What builds it: a target, or `all` by default. Undefined where no target says that it does. */
  readonly target: string | undefined
}

export function readCmake(tree: SourceTree): CmakeProject | undefined {
  const text = cmakeText(tree)
  if (text === undefined) return undefined
  const values = new Map<string, string>([
    ['CMAKE_BINARY_DIR', CMAKE_FOLDER],
    ['CMAKE_CURRENT_BINARY_DIR', CMAKE_FOLDER],
    ['PROJECT_BINARY_DIR', CMAKE_FOLDER],
    ['CMAKE_SOURCE_DIR', '.'],
    ['CMAKE_CURRENT_SOURCE_DIR', '.'],
    ['PROJECT_SOURCE_DIR', '.'],
  ])
  const project = /\bproject\s*\(\s*([\w.-]+)/i.exec(text)?.[1]
  if (project !== undefined)
    for (const name of ['PROJECT_NAME', 'CMAKE_PROJECT_NAME']) values.set(name, project)
  for (const [, call = '', name = '', quoted, plain = ''] of text.matchAll(SETS)) {
    const value = (quoted ?? plain).replaceAll(/\s+/g, ' ').replaceAll('"', '')
    const isMore = /^list/i.test(call) && values.has(name)
    values.set(name, (isMore ? `${values.get(name)} ${value}` : value).slice(0, LONGEST))
  }
  for (const [, name = '', value = ''] of text.matchAll(
    /\bfind_program\s*\(\s*(\w+)\s+(?:NAMES\s+)?([\w.-]+)/gi,
  ))
    values.set(name, value)
  const expand = (word: string) => {
    let out = word
    for (let n = 0; n < 5; n++)
      out = out.replaceAll(/\$\{(\w+)\}/g, (whole, name) => values.get(name) ?? whole).slice(0, 5000)
    return out
      .replaceAll(/\$<TARGET_FILE:([\w.+-]+)>/g, `${CMAKE_FOLDER}/$1`)
      .replaceAll(/\$<TARGET_FILE_NAME:([\w.+-]+)>/g, '$1')
  }
  const program = /^\s*add_executable\s*\(\s*([^\s)]+)/im.exec(text)?.[1]
  const targets = [...text.matchAll(/\badd_(?:custom_target|executable)\s*\(\s*([^\s)]+)/gi)].map(
    ([, name = '']) => expand(name),
  )
  const [medium] = [...text.matchAll(/\b(?:OUTPUT|BYPRODUCTS)\s+"?([^\s")]+)/gi)]
    .map(([, path = '']) => expand(path))
    .filter((path) => /\.(iso|img)$/.test(path) && !path.includes('$'))
  return {
    found: customTargets(text, expand, targets),
    program: program && expand(program),
    medium:
      medium === undefined ? undefined : { path: inFolder(medium), target: makerOf(medium, text, expand) },
  }
}

const inFolder = (path: string) => (path.startsWith(`${CMAKE_FOLDER}/`) ? path : `${CMAKE_FOLDER}/${path}`)

const CUSTOM_TARGET = /\badd_custom_target\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)/gi

/** The target that makes a file or needs it. */
function makerOf(file: string, text: string, expand: (word: string) => string): string | undefined {
  for (const [, body = ''] of text.matchAll(CUSTOM_TARGET)) {
    const [name, ...rest] = body
      .split(/\s+/)
      .filter(Boolean)
      .flatMap((word) => listOf(word.replaceAll('"', ''), expand))
    const files = [...after(rest, 'BYPRODUCTS'), ...after(rest, 'DEPENDS')].map(inFolder)
    if (files.includes(inFolder(file))) return rest.includes('ALL') ? 'all' : name
  }
  return undefined
}

/** CMakeLists.txt with those of subfolders and the files that they include, as one text without comments. */
export function cmakeText(tree: SourceTree): string | undefined {
  const seen = new Set<string>()
  const read = (path: string): string | undefined => {
    if (seen.has(path) || seen.size >= MOST_FILES) return undefined
    const own = tree.read(path)?.replaceAll(/^\s*#.*$/gm, '')
    if (own === undefined) return undefined
    seen.add(path)
    const folder = posix.dirname(path)
    const inner = [...own.matchAll(/^\s*(add_subdirectory|include)\s*\(\s*"?([^\s)"]+)/gim)].flatMap(
      ([, call = '', name = '']) => {
        const plain = name.replace(
          /^\$\{(?:CMAKE|PROJECT)_(?:CURRENT_)?(?:SOURCE|LIST)_DIR\}\/?/,
          /CURRENT/.test(name) ? '' : '/',
        )
        const place = plain.startsWith('/') ? plain.slice(1) : posix.join(folder, plain)
        if (/add_subdirectory/i.test(call)) return read(posix.join(place, 'CMakeLists.txt')) ?? []
        // A name without an ending is a module of the tree, or of CMake itself.
        const candidates = /\.\w+$/.test(plain)
          ? [place]
          : MODULES.map((at) => posix.join(at, `${plain}.cmake`))
        return candidates.flatMap((one) => read(one) ?? []).slice(0, 1)
      },
    )
    return [own, ...inner].join('\n')
  }
  return read('CMakeLists.txt')
}

function customTargets(
  text: string,
  expand: (word: string) => string,
  targets: readonly string[],
): readonly FoundCommand[] {
  return [...text.matchAll(CUSTOM_TARGET)].flatMap(([, body = '']) => {
    // Generator expressions have characters of a shell in them.
    const kept = body.replaceAll(/\$<[^>]*>/g, (whole) => expand(whole)).replaceAll(/\s+/g, ' ')
    const words = shellCommands(kept.replaceAll('${', '\0{')).flatMap((c) =>
      c.words.flatMap((w) => listOf(w.replaceAll('\0{', '${'), expand)),
    )
    const [name = '', ...rest] = words
    const needs = after(rest, 'DEPENDS').filter((need) => targets.includes(need))
    return commandsOf(rest).flatMap((command): readonly FoundCommand[] => {
      const qemu = qemuIn({ words: command })
      if (!qemu) return []
      const build = [
        ['cmake', '-S', '.', '-B', CMAKE_FOLDER],
        ['cmake', '--build', CMAKE_FOLDER, ...(needs.length > 0 ? ['--target', ...needs] : [])],
      ]
      return [
        {
          command: { ...qemu, words: qemu.words.map(inBuild) },
          where: `CMakeLists.txt, target ${name}`,
          folder: '.',
          name,
          build,
        },
      ]
    })
  })
}

/** A variable alone is as many words as its list has. */
const listOf = (word: string, expand: (word: string) => string) =>
  /^\$\{\w+\}$/.test(word)
    ? expand(word)
        .split(/[\s;]+/)
        .filter(Boolean)
    : [expand(word)]

/** Commands of custom targets run in the build folder. */
function inBuild(word: string, at: number, words: readonly string[]): string {
  const isPath = /^-(kernel|cdrom|initrd|hd[a-d]|fd[ab]|bios|pflash)$/.test(words[at - 1] ?? '')
  const isThere = word.startsWith(`${CMAKE_FOLDER}/`) || word.startsWith('./') || word.startsWith('/')
  return isPath && !isThere ? `${CMAKE_FOLDER}/${word}` : word
}

function after(words: readonly string[], keyword: string): readonly string[] {
  const found: string[] = []
  let isIn = false
  for (const word of words) {
    if (KEYWORDS.test(word)) isIn = word === keyword
    else if (isIn) found.push(word)
  }
  return found
}

function commandsOf(words: readonly string[]): readonly (readonly string[])[] {
  const found: string[][] = []
  let isIn = true
  // The first command may stand without its keyword.
  for (const word of ['COMMAND', ...words]) {
    if (word === 'COMMAND') found.push([])
    if (KEYWORDS.test(word)) isIn = word === 'COMMAND' || word === 'ALL'
    else if (isIn) found.at(-1)?.push(word)
  }
  return found.filter((command) => command.length > 0)
}
