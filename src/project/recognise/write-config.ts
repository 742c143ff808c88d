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
    ...comment.map((line) => `  // ${line}`),
    `  ${keyText(key)}: ${literal(value, 1)},`,
  ])
  return [
    "import { defineConfig } from 'bringup'",
    '',
    `// ${what}${because === '' ? '' : ` (recognised by ${because})`}. Written by \`${by}\`; it is yours to change.`,
    ...remarks.map((remark) => `// To decide: ${remark}.`),
    ...notes.map((note) => `// ${note}.`),
    'export default defineConfig({',
    ...lines,
    '})',
    '',
  ].join('\n')
}

/** Plain data as TypeScript: single quotes, keys without quotes where they can do without. */
function literal(value: unknown, depth: number): string {
  if (typeof value === 'string')
    return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`
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
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : literal(key, 0)
}
