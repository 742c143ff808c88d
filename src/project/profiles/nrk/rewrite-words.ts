/**
 * The command line of nrk’s own tool as bringup has it: lists that are separated by blanks, its short options, its
 * subcommand `net`. Source: `kernel/run.py`, the arguments of its parser. Pure.
 */
import type { RewriteContext } from '../../profile.ts'

/** They take all words up to the next option. */
const LISTS = ['--kfeatures', '--ufeatures', '--mods']

/** The only machine of the tool that is no computer of its own. */
const TOOL_MACHINE = 'qemu'

/** What follows `net`. */
const NET = ['--workers', '--network-only', '--no-network-setup']

export function rewriteWords(words: readonly string[], context: RewriteContext): readonly string[] {
  const rest = [...withoutNet(words)]
  const out: string[] = []
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const next = rest[0]
    if (word === '--kfeature') rest.unshift('--kfeatures')
    else if (LISTS.includes(word)) out.push(...list(word, rest))
    else if (word === '-m' && isModule(next, context)) out.push(...list('--mods', rest))
    else if (word === '--machine' && isToolMachine(next, context)) rest.shift()
    else if (word.startsWith('--machine=') && isToolMachine(word.slice('--machine='.length), context))
      continue
    else out.push(...oneWord(word, context))
  }
  return out
}

/** `-m` is a machine of the project where it has one of that name. */
function isModule(value: string | undefined, { machines }: RewriteContext): boolean {
  return value !== undefined && !value.startsWith('-') && value !== TOOL_MACHINE && !machines.includes(value)
}

const isToolMachine = (value: string | undefined, { machines }: RewriteContext) =>
  value === TOOL_MACHINE && !machines.includes(TOOL_MACHINE)

/** An option without words stays as it is, so that what is missing is said. */
function list(name: string, rest: string[]): readonly string[] {
  const end = rest.findIndex((word) => word.startsWith('-'))
  const values = rest.splice(0, end === -1 ? rest.length : end)
  return values.length === 0 ? [name] : [name, values.join(' ')]
}

function oneWord(word: string, { command }: RewriteContext): readonly string[] {
  switch (word) {
    case '-n':
    case '--norun':
      return command === 'build' ? [] : ['--norun']
    case '-b':
    case '--nobuild':
      return { run: ['--no-build'], plan: [], build: ['--nobuild'] }[command]
    case '-d':
      return ['--qemu-debug-cpu']
    case '-v':
    case '--verbose':
      // A plan shows all commands as it is.
      return command === 'plan' ? [] : [word]
    default:
      return [word]
  }
}

/** The subcommand has options of its own. Without a network to set up, nothing is left of it. */
function withoutNet(words: readonly string[]): readonly string[] {
  const index = words.lastIndexOf('net')
  const more = words.slice(index + 1)
  if (index === -1 || !more.some((w) => NET.includes(w.replace(/=.*/, '')))) return words
  return [...words.slice(0, index), ...more.filter((w) => w !== '--no-network-setup')]
}
