/** How much room text takes on a terminal, and how it is broken between words to fit. */
import { stripVTControlCharacters } from 'node:util'
import { eastAsianWidth } from 'get-east-asian-width'
import type { Colors } from './output.ts'

/** What text is laid out for: a terminal has columns, a file or a pipe has no limit (`Infinity`). */
export interface Page {
  readonly colors: Colors
  readonly columns: number
}

/** Columns of a terminal: colours take none, marks go onto the letter before them, ideographs take two. */
export function widthOf(text: string): number {
  // The pattern for marks takes Node a millisecond to compile, and common text does not need it.
  if (/^[\x20-\x7e\u2713\u2717\u00b7\u2026]*$/.test(text)) return text.length
  const plain = stripVTControlCharacters(text).replace(/[\p{Mark}\p{Cf}\p{Cc}]/gu, '')
  return Array.from(plain).reduce((sum, letter) => sum + eastAsianWidth(letter.codePointAt(0) ?? 0), 0)
}

/** Breaks text at spaces. A word wider than `columns` is kept whole, on a line of its own. */
export function wrap(text: string, columns: number): readonly string[] {
  const [first = '', ...others] = text.split(' ')
  const lines = [first]
  for (const word of others) {
    const longer = `${lines.at(-1)} ${word}`
    // A backslash at the end of a command line continues it there, and on no line of its own.
    if (widthOf(longer) <= columns || word === '\\') lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines.map((line) => line.trimEnd()).filter((line, index) => index === 0 || line !== '')
}

/** Text of several lines, each broken between words; what follows is indented as the start of its line is. */
export function fitText(text: string, columns: number): string {
  if (columns === Number.POSITIVE_INFINITY) return text
  return text
    .split('\n')
    .flatMap((line) => (widthOf(line) <= columns ? [line] : wrapIndented(line, columns)))
    .join('\n')
}

function wrapIndented(line: string, columns: number): readonly string[] {
  const start = startOf(line, columns)
  const text = line.slice(start.length)
  const [word = ''] = text.split(' ')
  // Each line of evidence has its mark.
  if (start.includes('│')) return wrap(text, columns - widthOf(start)).map((below) => `${start}${below}`)
  // A path that does not fit beside its label goes below it, where a terminal may have room for it.
  if (widthOf(start) + widthOf(word) > columns && start.trim() !== '') {
    const indent = `${/^ */.exec(line)?.[0]}  `
    return [start.trimEnd(), ...wrap(text, columns - indent.length).map((below) => `${indent}${below}`)]
  }
  const indent = ' '.repeat(widthOf(start))
  const [first = '', ...others] = wrap(text, columns - indent.length)
  return [`${start}${first}`.trimEnd(), ...others.map((below) => `${indent}${below}`)]
}

const COLUMN = /^.*\S {2,}(?=\S)/
/** After an indent, one of the marks ✓ ✗ ↻ … │ → + ? - and a label. Regular expressions stay ASCII: see bundle.mjs. */
const LABEL = /^\s*(?:[\u2713\u2717\u21bb\u2026\u2502\u2192+?-] +)?(?:(?:why|remedy|source) +)?/

/** Indent, mark and label of a line: up to its last gap of two spaces or more, unless that takes most of the line. */
function startOf(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line)
  const column = COLUMN.exec(plain)?.[0] ?? ''
  const isNear = column !== '' && widthOf(column) <= columns * 0.6
  const letters = isNear ? column : (LABEL.exec(plain)?.[0] ?? '')
  // The same number of visible characters, with the colours between them.
  let [seen, at] = [0, 0]
  const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'y')
  while (at < line.length && seen < letters.length) {
    escapes.lastIndex = at
    const code = escapes.exec(line)
    at += code ? code[0].length : 1
    seen += code ? 0 : 1
  }
  return line.slice(0, at)
}

/** A command line broken between its words so that it still works when pasted. */
export function fitCommand(line: string, columns: number, indent = 4): string {
  const words = line.match(/(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+/g) ?? []
  const [first = '', ...others] = words
  const start = /^ */.exec(line)?.[0] ?? ''
  const lines = [`${start}${first}`]
  for (const word of others) {
    const longer = `${lines.at(-1)} ${word}`
    // Two columns are for the ` \` at the end.
    if (widthOf(longer) <= columns - 2) lines[lines.length - 1] = longer
    else lines.push(`${start}${' '.repeat(indent)}${word}`)
  }
  return lines.join(' \\\n')
}
