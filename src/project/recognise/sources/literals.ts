/** Commands for QEMU that a program puts together, in any language whose texts are in quotes, as far as literals say them. Pure. */
import { posix } from 'node:path'
import type { FoundCommand } from '../found.ts'
import { type QemuCommand, qemuCommandsIn, qemuNamed } from '../qemu-words.ts'
import type { SourceTree } from '../tree.ts'

const FOLDERS = [
  '.',
  'xtask/src',
  'tools',
  'scripts',
  'script',
  'utils',
  'util',
  'bin',
  'src/utils',
  'runner/src',
  'builder/src',
  'boot/src',
  'xtask/src/bin',
]
const MOST_FILES = 80
/** Rust, Python, Perl, Zig, Ruby, JavaScript, Go, Lua (xmake), Nim. */
const PROGRAM = /\.(rs|py|pl|zig|rb|[cm]?[jt]s|go|lua|nims?|nimble)$|(^|\/)Rakefile$/

export function commandsInPrograms(tree: SourceTree): readonly FoundCommand[] {
  const paths = FOLDERS.flatMap((folder) => tree.list(folder).map((name) => posix.join(folder, name)))
  const likely = [...paths, 'build.rs', 'src/main.rs'].filter(
    (path) => PROGRAM.test(path) || /(^|\/)[\w-]+$/.test(path),
  )
  return [...new Set(likely)].slice(0, MOST_FILES).flatMap((path) => {
    const text = tree.read(path)
    if (text === undefined || !isProgram(path, text) || !/qemu|kvm/.test(text)) return []
    return literalCommands(text).map(
      (command): FoundCommand => ({ command, where: path, folder: '.', name: path.replace(/^.*\//, '') }),
    )
  })
}

const isProgram = (path: string, text: string) =>
  PROGRAM.test(path) || /^#!.*\b(python[\d.]*|perl)\b/.test(text)

const TOKEN = /"(?:\\[\s\S]|[^"\\])*"|'(?:\\.|[^'\\\n])*'|#.*|\/\/.*|[\w$@:.!>&-]+|[()[\],;{}=+]/g
const MOST_TOKENS = 20_000
/** Calls that start the program, behind which other arguments come. */
const STARTS =
  /(^|[.:>])(status|spawn|output|exec|execvp|execv|system|popen|Popen|call|check_call|check_output)$/
/** Names that end a function. */
const ENDS = /^(fn|def|sub)$/

/** All commands of a text. */
export function literalCommands(text: string): readonly QemuCommand[] {
  const tokens = (text.match(TOKEN) ?? [])
    .filter((token) => !/^(#(?!!)|\/\/)/.test(token))
    .slice(0, MOST_TOKENS)
  const values = valuesIn(text)
  return tokens.flatMap((token, at) => {
    const literal = literalOf(token, values)
    if (literal === undefined) return []
    // A line for a shell.
    if (/\s-/.test(literal)) return qemuCommandsIn(literal)
    const named = qemuNamed(literal)
    if (!named || tokens[at + 1] === '=') return []
    const words = wordsAfter(tokens, at + 1, values)
    return words.length === 0 ? [] : [{ ...named, words }]
  })
}

type Values = ReadonlyMap<string, string>

/** Plain assignments of a text: `let iso = "os.iso"`, `my ($disk) = "x"`, `DISK = 'x'`. */
function valuesIn(text: string): Values {
  const values = new Map<string, string>()
  const pattern =
    /(?:^|[\s(;])(?:let\s+(?:mut\s+)?|const\s+|static\s+|(?:my|our)\s*\(?\s*)?[$@]?(\w+)\)?\s*(?::[^=\n]{1,40})?=\s*(?:[\w:]+\(\s*)*["']([^"'\n]*)["']\s*[);,]*\s*(?:$|[;,)\n])/gm
  for (const [, name = '', value = ''] of text.matchAll(pattern))
    if (!values.has(name)) values.set(name, value)
  return values
}

/** The text of a literal, with the variables that it holds. */
function literalOf(token: string, values: Values): string | undefined {
  if (!/^["']/.test(token)) return undefined
  const plain = token.slice(1, -1).replaceAll(/\\(["'\\$])/g, '$1')
  return plain.replaceAll(/\$\{?(\w+)\}?|\{(\w+)\}/g, (_, a, b) => values.get(a ?? b) ?? `$${a ?? b}`)
}

/** Arguments up to the call that starts the program. What is no literal keeps its place, as a variable. */
function wordsAfter(tokens: readonly string[], from: number, values: Values): readonly string[] {
  const words: string[] = []
  let format = 0
  for (let at = from; at < tokens.length && at < from + 800; at++) {
    const [token = '', next = '', before = ''] = [tokens[at], tokens[at + 1], tokens[at - 1]]
    const literal = literalOf(token, values)
    if (literal !== undefined) {
      if (literal !== '' && qemuNamed(literal)) break
      const isKey = next === '=' || next === '{' || next === ':'
      if (!isKey) words.push(literal)
      if (/\{[^}]*\}/.test(literal)) format = 1
    } else if (ENDS.test(token) || (STARTS.test(token) && next === '(')) break
    else if (
      next === '(' ||
      !/^[\w$&]/.test(token) ||
      !/[(,[]/.test(before) ||
      !/[),\].[]/.test(next.slice(0, 1))
    )
      continue
    else {
      const name = token.replace(/^[&$*]+/, '').replace(/[.>:-].*$/, '')
      const value = values.get(name) ?? `$${name}`
      const last = words.at(-1)
      // The value of a place in a format.
      if (format > 0 && last !== undefined && /\{[^}]*\}/.test(last))
        words[words.length - 1] = last.replace(/\{[^}]*\}/, value)
      else if (!/^(mut|self|str|String|Path|true|false|None)$/.test(name)) words.push(value)
      format = 0
    }
  }
  return words.map((word) => word.replaceAll(/\{[^}]*\}/g, '$value'))
}
