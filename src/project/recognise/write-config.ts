/** Writes a sketch of a config as a commented `bringup.config.ts`. */
import type { ConfigSketch } from './tree.ts'

/** Longest value that stands on one line. */
const WIDTH = 90

/** The text of the file. */
export function configText({
  what,
  because,
  entries,
  remarks = [],
  notes = [],
  by = 'bringup init',
}: ConfigSketch): string {
  const lines = entries.flatMap(({ key, value, comment = [] }) => [
    ...comment.map((line) => `  // ${oneLine(line)}`),
    `  ${keyText(key)}: ${literal(value, 1)},`,
  ])
  return [
    "import { defineConfig } from 'bringup'",
    '',
    `// ${oneLine(what)}${because === '' ? '' : ` (recognised by ${oneLine(because)})`}. Written by \`${by}\`; it is yours to change.`,
    ...remarks.map((remark) => `// To decide: ${oneLine(remark)}.`),
    ...notes.map((note) => `// ${oneLine(note)}.`),
    'export default defineConfig({',
    ...lines,
    '})',
    '',
  ].join('\n')
}

/** A comment ends with its line, and what others wrote must not control a terminal. */
const oneLine = (text: string) => text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')

const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu
const escaped = (char: string) => `\\u{${char.codePointAt(0)?.toString(16)}}`

/** Plain data as TypeScript: single quotes, keys without quotes where they can do without. */
function literal(value: unknown, depth: number): string {
  if (typeof value === 'string')
    return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll(CONTROL, escaped)}'`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const isList = Array.isArray(value)
  const parts = isList
    ? value.map((item) => literal(item, depth + 1))
    : Object.entries(value).map(([key, item]) => `${keyText(key)}: ${literal(item, depth + 1)}`)
  if (parts.length === 0) return isList ? '[]' : '{}'
  const flat = isList ? `[${parts.join(', ')}]` : `{ ${parts.join(', ')} }`
  if (flat.length + 2 * depth <= WIDTH && !flat.includes('\n')) return flat
  const indent = '  '.repeat(depth)
  return [
    isList ? '[' : '{',
    ...parts.map((part) => `${indent}  ${part},`),
    `${indent}${isList ? ']' : '}'}`,
  ].join('\n')
}

function keyText(key: string): string {
  return /^([A-Za-z_$][\w$]*|0|[1-9]\d{0,8})$/.test(key) ? key : literal(key, 0)
}
