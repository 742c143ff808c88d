/** Where a JSON text goes wrong. `JSON.parse` of Node 20 often tells no position; people need line and column. */

const SPACE = /[ \t\n\r]*/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these in strings
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y

export interface TextPosition {
  /** Both count from 1. */
  readonly line: number
  readonly column: number
}

/** The first place where the text stops being JSON (RFC 8259); undefined when it is JSON. */
export function findJsonError(text: string): TextPosition | undefined {
  const end = skipValue(text, skip(text, 0))
  const stop = end.isOk ? skip(text, end.at) : end.at
  if (end.isOk && stop === text.length) return undefined
  const before = text.slice(0, stop).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

interface Reached {
  readonly isOk: boolean
  readonly at: number
}

function skip(text: string, at: number): number {
  return match(SPACE, text, at) ?? at
}

function match(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}

function skipValue(text: string, at: number): Reached {
  if (text[at] === '{') return skipList(text, at + 1, '}', skipMember)
  if (text[at] === '[') return skipList(text, at + 1, ']', skipValue)
  const end = match(STRING, text, at) ?? match(SCALAR, text, at)
  return end === undefined ? { isOk: false, at } : { isOk: true, at: end }
}

function skipMember(text: string, at: number): Reached {
  const key = match(STRING, text, at)
  if (key === undefined) return { isOk: false, at }
  const colon = skip(text, key)
  return text[colon] === ':' ? skipValue(text, skip(text, colon + 1)) : { isOk: false, at: colon }
}

function skipList(
  text: string,
  from: number,
  close: string,
  item: (text: string, at: number) => Reached,
): Reached {
  let at = skip(text, from)
  if (text[at] === close) return { isOk: true, at: at + 1 }
  for (;;) {
    const end = item(text, at)
    if (!end.isOk) return end
    at = skip(text, end.at)
    if (text[at] === close) return { isOk: true, at: at + 1 }
    if (text[at] !== ',') return { isOk: false, at }
    at = skip(text, at + 1)
  }
}
