/** Commands for QEMU of CMake's custom targets, and the programs of a CMake project. Pure. */
import type { FoundCommand } from '../found.ts'
import { qemuIn } from '../qemu-words.ts'
import { shellCommands } from '../shell-words.ts'
import type { SourceTree } from '../tree.ts'

export const CMAKE_FOLDER = 'build'

const KEYWORDS =
  /^(ALL|COMMAND|DEPENDS|BYPRODUCTS|WORKING_DIRECTORY|COMMENT|VERBATIM|USES_TERMINAL|SOURCES|COMMAND_EXPAND_LISTS|JOB_POOL)$/

export interface CmakeProject {
  readonly found: readonly FoundCommand[]
  /** The first program. */
  readonly program: string | undefined
}

export function readCmake(tree: SourceTree): CmakeProject | undefined {
  const text = withSubfolders(tree)
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
  for (const [, name = '', value = ''] of text.matchAll(/\bset\s*\(\s*(\w+)\s+"?([^")\n]*)"?\s*\)/gi))
    values.set(name, value)
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
  return { found: customTargets(text, expand, targets), program: program && expand(program) }
}

function withSubfolders(tree: SourceTree): string | undefined {
  const text = tree.read('CMakeLists.txt')
  if (text === undefined) return undefined
  const folders = [...text.matchAll(/^\s*add_subdirectory\s*\(\s*([\w./-]+)/gim)].map(([, name = '']) => name)
  const plain = [text, ...folders.slice(0, 30).flatMap((name) => tree.read(`${name}/CMakeLists.txt`) ?? [])]
  return plain.join('\n').replaceAll(/^\s*#.*$/gm, '')
}

function customTargets(
  text: string,
  expand: (word: string) => string,
  targets: readonly string[],
): readonly FoundCommand[] {
  return [...text.matchAll(/\badd_custom_target\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)/gi)].flatMap(
    ([, body = '']) => {
      // Generator expressions have characters of a shell in them.
      const kept = body.replaceAll(/\$<[^>]*>/g, (whole) => expand(whole)).replaceAll(/\s+/g, ' ')
      const words = shellCommands(kept.replaceAll('${', '\0{')).flatMap((c) =>
        c.words.map((w) => expand(w.replaceAll('\0{', '${'))),
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
    },
  )
}

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
