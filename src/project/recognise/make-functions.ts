/** Functions of make that work on text alone (GNU make manual, "Functions for String Substitution and Analysis"). Pure. */
import { type } from 'node:os'
import { posix } from 'node:path'

const wordsOf = (text: string) => text.split(/\s+/).filter(Boolean)

const each =
  (change: (word: string) => string) =>
  ([text = '']: readonly string[]) =>
    wordsOf(text).map(change).join(' ')

const ENDING = /\.[^./]*$/

type Call = (args: readonly string[]) => string

const FUNCTIONS: Readonly<Record<string, Call>> = {
  notdir: each((word) => word.replace(/^.*\//, '')),
  dir: each((word) => /^.*\//.exec(word)?.[0] ?? './'),
  basename: each((word) => word.replace(ENDING, '')),
  suffix: ([text = '']) =>
    wordsOf(text)
      .flatMap((word) => ENDING.exec(word)?.[0] ?? [])
      .join(' '),
  addprefix: ([prefix = '', text = '']) => each((word) => `${prefix}${word}`)([text]),
  addsuffix: ([suffix = '', text = '']) => each((word) => `${word}${suffix}`)([text]),
  strip: each((word) => word),
  subst: ([from = '', to = '', text = '']) => (from === '' ? text : text.replaceAll(from, () => to)),
  patsubst: ([from = '', to = '', text = '']) =>
    each((word) => substituted(word, from.trim(), to.trim()))([text]),
  firstword: ([text = '']) => wordsOf(text)[0] ?? '',
  lastword: ([text = '']) => wordsOf(text).at(-1) ?? '',
  word: ([n = '', text = '']) => wordsOf(text)[Number(n.trim()) - 1] ?? '',
  sort: ([text = '']) => [...new Set(wordsOf(text))].sort().join(' '),
  filter: ([patterns = '', text = '']) => kept(patterns, text, true),
  'filter-out': ([patterns = '', text = '']) => kept(patterns, text, false),
  // Paths are relative to the tree here.
  abspath: each((word) => posix.normalize(word)),
  realpath: each((word) => posix.normalize(word)),
}

/** What a few commands say here, whose answer is known without a shell; undefined for all others. */
export function shellAnswer(command: string): string | undefined {
  const [name = '', ...args] = wordsOf(command.replaceAll(/["']/g, ''))
  const [flag] = args
  const path = args.find((word) => !word.startsWith('-'))
  if (name === 'uname') return flag === '-m' || flag === '-p' || flag === '-i' ? 'x86_64' : ofUname(flag)
  if (name === 'arch') return 'x86_64'
  if (name === 'pwd') return '.'
  if (path === undefined || /[$`|;&]/.test(command)) return undefined
  if (name === 'dirname') return FUNCTIONS.dir?.([path]).replace(/(?<=.)\/$/, '')
  if (name === 'basename') return FUNCTIONS.notdir?.([path])
  return name === 'realpath' || name === 'readlink' ? path : undefined
}

const ofUname = (flag: string | undefined) => (flag === undefined || flag === '-s' ? type() : undefined)

const isFunction = (name: string) => Object.hasOwn(FUNCTIONS, name)

/** A word whose pattern has one `%`; a pattern without is the whole word. */
function substituted(word: string, from: string, to: string): string {
  const stem = stemOf(word, from)
  return stem === undefined ? word : to.replace('%', () => stem)
}

function stemOf(word: string, pattern: string): string | undefined {
  const at = pattern.indexOf('%')
  if (at < 0) return word === pattern ? '' : undefined
  const [start, end] = [pattern.slice(0, at), pattern.slice(at + 1)]
  const fits = word.length >= start.length + end.length && word.startsWith(start) && word.endsWith(end)
  return fits ? word.slice(start.length, word.length - end.length) : undefined
}

function kept(patterns: string, text: string, isKept: boolean): string {
  const all = wordsOf(patterns)
  return wordsOf(text)
    .filter((word) => all.some((pattern) => stemOf(word, pattern) !== undefined) === isKept)
    .join(' ')
}

/** `$(VAR:.c=.o)`, `$(VAR:%.c=%.o)` */
export function substitutedEnds(text: string, from: string, to: string): string {
  const hasStem = from.includes('%')
  return each((word) => substituted(word, hasStem ? from : `%${from}`, hasStem ? to : `%${to}`))([text])
}

/** The value of `NAME ARGUMENTS`; undefined where that is no function that is known, or an argument is unknown. */
export function calledFunction(text: string, expand: (part: string) => string): string | undefined {
  const [whole, name = ''] = /^([a-z-]+)\s+/.exec(text) ?? []
  if (whole !== undefined && name === 'shell') return shellAnswer(expand(text.slice(whole.length)))
  if (whole === undefined || !isFunction(name)) return undefined
  const args = commaParts(text.slice(whole.length)).map(expand)
  return args.some((arg) => arg.includes('$')) ? undefined : FUNCTIONS[name]?.(args)
}

/**
 * The text that `call NAME,ARGUMENTS` makes of the value of NAME: `$(1)` and `$1` are the first argument. Undefined for
 * anything else.
 */
export function calledText(
  text: string,
  variable: (name: string) => string | undefined,
  expand: (part: string) => string,
): { readonly name: string; readonly text: string } | undefined {
  const [, name = '', rest = ''] = /^call\s+([\w.-]+)\s*(?:,([\s\S]*))?$/.exec(text) ?? []
  const value = variable(name)
  if (value === undefined) return undefined
  const args = commaParts(rest).map((arg) => expand(arg.trim()))
  const all = [name, ...args]
  return {
    name,
    text: value.replaceAll(/\$(?:\((\d)\)|\{(\d)\}|(\d))/g, (_, a, b, c) => all[Number(a ?? b ?? c)] ?? ''),
  }
}

/** Parts between commas outside of brackets. */
function commaParts(text: string): readonly string[] {
  const parts = ['']
  let depth = 0
  for (const char of text) {
    if (char === '(' || char === '{') depth++
    if (char === ')' || char === '}') depth--
    if (char === ',' && depth === 0) parts.push('')
    else parts[parts.length - 1] += char
  }
  return parts
}

/** Behind the bracket that closes the one at `from`; undefined for one that stays open. */
export function closingBracket(text: string, from: number): number | undefined {
  const open = text[from]
  const close = open === '(' ? ')' : '}'
  let depth = 0
  for (let at = from; at < text.length; at++) {
    if (text[at] === open) depth++
    else if (text[at] === close && --depth === 0) return at + 1
  }
  return undefined
}
