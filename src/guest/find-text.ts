/** Looks for text in bytes, so that only what is asked for has to be made text. */
import { isUtf8 } from 'node:buffer'

/** Of a line without an end, a regular expression is tried on the last bytes only: a guest may never end one. */
const LONGEST_TRIED = 64 * 1024

export interface Found {
  readonly text: string
  readonly groups: readonly (string | undefined)[]
  /** In bytes from the start of what was searched. */
  readonly start: number
  readonly end: number
}

/**
 * The first match, or else how many bytes from the start can never be part of one. A regular expression is tried on
 * whole lines and on the unfinished last one.
 */
export function findText(
  bytes: Buffer,
  pattern: string | RegExp,
  decode: (bytes: Buffer) => string,
): Found | number {
  if (typeof pattern === 'string') {
    const wanted = Buffer.from(pattern)
    const start = bytes.indexOf(wanted)
    return start === -1
      ? Math.max(0, bytes.length - wanted.length + 1)
      : { text: pattern, groups: [], start, end: start + wanted.length }
  }
  const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
  for (let from = 0; ; ) {
    const newline = bytes.indexOf('\n', from)
    const raw = bytes.subarray(from, newline === -1 ? undefined : newline)
    // Consoles end lines by CR and LF.
    const line = decode(raw).replace(/\r+$/, '')
    const match = stateless.exec(line)
    if (match) {
      const at = (character: number) => from + byteIndex(raw, line, character)
      const [start, end] = [at(match.index), at(match.index + match[0].length)]
      return { text: match[0], groups: match.slice(1), start, end }
    }
    if (newline === -1) return Math.max(from, bytes.length - LONGEST_TRIED)
    from = newline + 1
  }
}

/** Where in the bytes a character of their text begins. More bytes never make fewer characters, so it can be halved. */
function byteIndex(bytes: Buffer, text: string, index: number): number {
  if (isUtf8(bytes)) return Buffer.byteLength(text.slice(0, index))
  let [low, high] = [0, bytes.length]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (bytes.toString('utf8', 0, middle).length <= index) low = middle
    else high = middle - 1
  }
  return low
}
