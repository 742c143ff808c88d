/** Commands for QEMU in shell scripts and CI files. Pure. */
import { posix } from 'node:path'
import { type FoundCommand, passesIn } from '../found.ts'
import { qemuCommandsIn } from '../qemu-words.ts'
import { shellCommands } from '../shell-words.ts'
import type { SourceTree } from '../tree.ts'

/** Folders in which trees keep their scripts. */
const FOLDERS = ['.', 'scripts', 'script', 'tools', 'bin', 'utils', 'util', 'build']
const MOST_SCRIPTS = 60

/** Names of files that may be scripts, with their texts. */
export function scriptsOf(tree: SourceTree): readonly { readonly path: string; readonly text: string }[] {
  const named = FOLDERS.flatMap((folder) => tree.list(folder).map((name) => posix.join(folder, name)))
  const likely = named.filter((path) => /\.(sh|bash)$|(^|\/)[\w-]+$/.test(path)).slice(0, MOST_SCRIPTS)
  return likely.flatMap((path) => {
    const text = tree.read(path)
    const isScript = text !== undefined && (/^#!.*\b(ba|da|z|k)?sh\b/.test(text) || /\.(sh|bash)$/.test(path))
    return isScript ? [{ path, text }] : []
  })
}

export function commandsInScripts(tree: SourceTree): readonly FoundCommand[] {
  return scriptsOf(tree).flatMap(({ path, text }) =>
    qemuCommandsIn(text, {}, []).map(
      (command): FoundCommand => ({
        command,
        where: path,
        folder: '.',
        name: path.replace(/^.*\//, ''),
        ...passesIn(text, command),
        ...buildBefore(path, text),
      }),
    ),
  )
}

/** Lines that do not build anything. */
const IDLE =
  /^(set\b|echo\b|printf\b|cd\s+("?\$\(dirname|"?\$\{0%|\.)|export\b|#|$|[A-Za-z_]\w*\+?=|trap\b|sleep\b|clear$|exit\b)/

/**
 * What a script does before it starts QEMU: as argument lists if each line is a plain command, else as text for its own
 * shell. The text ends before the function, loop or condition that QEMU is started in.
 */
function buildBefore(path: string, text: string): Pick<FoundCommand, 'build' | 'isBuildGuess'> {
  const lines = text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/)
  const end = lines.findIndex(startsQemu)
  const before = lines.slice(0, Math.max(0, end))
  const works = before.filter(doesWork)
  if (works.length === 0) return {}
  if (works.every(isPlain))
    return { build: works.map((line) => shellCommands(line)[0]?.words ?? []).filter((w) => w.length > 0) }
  const whole = before.slice(0, wholeLines(before))
  const isCut = before
    .slice(whole.length)
    .some((line) => doesWork(line) && !/^\s*(if|elif|else|then)\b/.test(line))
  const own = whole.some(doesWork)
    ? { build: [[shellOf(text), '-ec', whole.filter((line) => !line.startsWith('#')).join('\n'), path]] }
    : {}
  return { ...own, ...(isCut ? { isBuildGuess: true } : {}) }
}

const QEMU = /qemu-system-|\bqemu\b.*-|\bkvm\s+-|\$\{?QEMU/i
/** `A=b C="d e" ` in front of a command. */
const ASSIGNMENTS =
  /^\s*(?:(?:export|local|readonly)\s+)?(?:[A-Za-z_]\w*\+?=(?:"[^"]*"|'[^']*'|\([^)]*\)|\S*)(?:\s+|$))+/
/** Names QEMU without starting it: a comment, a message, a look whether it is installed. */
const NAMES_QEMU = /^\s*(?:#|echo\b|printf\b)|\b(?:command\s+-v|which|type|hash)\s/

const startsQemu = (line: string) => !NAMES_QEMU.test(line) && QEMU.test(line.replace(ASSIGNMENTS, ''))

const doesWork = (line: string) => !IDLE.test(line.trim())

const isPlain = (line: string) =>
  !/[<>|&;$`*?~(){}]/.test(line) && !/^\s*(if|for|while|case|fi|done|else|then)\b/.test(line)

const OPENS = /(?:^|[;&|]\s*|\b(?:then|do|else)\s+)(?:if|case|for|while|until|select)\b|\{\s*(?:#.*)?$/g
const CLOSES = /(?:^|[;&|]\s*)(?:fi|esac|done)\b|^\}/g

/** How many of the lines are outside of a function, loop or condition that is still open at the end. */
function wholeLines(lines: readonly string[]): number {
  let depth = 0
  let whole = 0
  for (const [at, text] of lines.entries()) {
    const line = text.trim()
    if (line.startsWith('#')) continue
    depth += (line.match(OPENS)?.length ?? 0) - (line.match(CLOSES)?.length ?? 0)
    if (depth <= 0) whole = at + 1
  }
  return whole
}

/** The shell that a script names in its first line. */
export const shellOf = (text: string) => /^#!.*\b(bash|zsh)\b/.exec(text)?.[1] ?? 'sh'

/** Lines of CI files, which are commands behind `run:` and dashes. */
export function commandsInCi(tree: SourceTree): readonly FoundCommand[] {
  const workflows = tree.list('.github/workflows').map((name) => `.github/workflows/${name}`)
  const files = [...workflows, '.gitlab-ci.yml', '.travis.yml', '.cirrus.yml', '.build.yml'].filter((path) =>
    /\.ya?ml$/.test(path),
  )
  return files.flatMap((path) => {
    const text = tree.read(path)
    if (text === undefined) return []
    const lines = text.replaceAll(/\\\r?\n\s*/g, ' ').split(/\r?\n/)
    return lines.flatMap((line) => {
      const script = line
        .replace(/^\s*(?:-\s+)?(?:run:\s*)?(?:[|>]-?\s*)?/, '')
        .replace(/^(["'])(.*)\1$/, '$2')
      return qemuCommandsIn(script).map(
        (command): FoundCommand => ({ command, where: path, folder: '.', name: 'ci' }),
      )
    })
  })
}
