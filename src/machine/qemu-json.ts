/**
 * JSON as QEMU reads it in arguments (qobject/json-parser.c): strings may stand in single quotes, a key must not come
 * twice, and numbers keep their digits. Pure.
 */

/** Values by key; keys within keys are joined by dots, as QEMU writes them: `addr.port`, `hostfwd.0.str`. */
export type JsonKeys = ReadonlyMap<string, string>

/** Undefined for text that QEMU refuses. */
export function readQemuJson(text: string): JsonKeys | undefined {
  const tokens = tokensOf(text)
  if (tokens?.[0] !== '{') return undefined
  const keys = new Map<string, string>()
  const end = readValue(tokens, 0, '', keys)
  return end === tokens.length ? keys : undefined
}

const TOKEN =
  /[{}[\],:]|"(?:[^"\\\n]|\\(?:["'\\/bfnrt]|u[0-9a-fA-F]{4}))*"|'(?:[^'\\\n]|\\(?:["'\\/bfnrt]|u[0-9a-fA-F]{4}))*'|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y

function tokensOf(text: string): readonly string[] | undefined {
  const tokens: string[] = []
  const blank = /[ \t\r\n]*/y
  for (let at = 0; ; ) {
    blank.lastIndex = at
    at += blank.exec(text)?.[0].length ?? 0
    if (at === text.length) return tokens
    TOKEN.lastIndex = at
    const token = TOKEN.exec(text)?.[0]
    if (token === undefined) return undefined
    tokens.push(token)
    at += token.length
  }
}

/** The depth that QEMU allows is 1024; no argument needs so much. */
const DEEPEST = 100

/** Adds what begins at a token, and returns the place behind it; undefined where it is no value. */
function readValue(
  tokens: readonly string[],
  at: number,
  key: string,
  keys: Map<string, string>,
  depth = 0,
): number | undefined {
  const token = tokens[at]
  if (token === undefined || depth > DEEPEST) return undefined
  if (token === '{' || token === '[') return readEntries(tokens, at, key, keys, depth)
  if (/^[}\],:]$/.test(token)) return undefined
  keys.set(key, isString(token) ? unquoted(token) : token)
  return at + 1
}

function readEntries(
  tokens: readonly string[],
  start: number,
  prefix: string,
  keys: Map<string, string>,
  depth: number,
): number | undefined {
  const isObject = tokens[start] === '{'
  const close = isObject ? '}' : ']'
  const seen = new Set<string>()
  if (tokens[start + 1] === close) return start + 2
  for (let at = start + 1; ; ) {
    const name = isObject ? nameAt(tokens, at) : `${seen.size}`
    if (name === undefined || seen.has(name)) return undefined
    seen.add(name)
    const key = prefix === '' ? name : `${prefix}.${name}`
    const end = readValue(tokens, isObject ? at + 2 : at, key, keys, depth + 1)
    if (end === undefined) return undefined
    if (tokens[end] === close) return end + 1
    if (tokens[end] !== ',') return undefined
    at = end + 1
  }
}

function nameAt(tokens: readonly string[], at: number): string | undefined {
  const token = tokens[at] ?? ''
  return isString(token) && tokens[at + 1] === ':' ? unquoted(token) : undefined
}

const isString = (token: string) => /^["']/.test(token)

/** The text of a string of either kind. */
function unquoted(token: string): string {
  const inner = token.slice(1, -1).replace(/\\'|"|\\"/g, (found) => (found === "\\'" ? "'" : '\\"'))
  return JSON.parse(
    `"${inner.replace(/\p{Cc}/gu, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`,
  )
}
