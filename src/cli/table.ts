/** Tables for people. */
import { stripVTControlCharacters } from 'node:util'
import { eastAsianWidth } from 'get-east-asian-width'
import type { Colors } from './output.ts'

const GAP = '  '

/** Aligned columns under dim headings, without lines, so that they can be cut and pasted. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  colors: Colors,
): string {
  const lines = [headings.map((heading) => colors.dim(heading)), ...rows.flatMap(linesOf)]
  const widths = headings.map((_, column) => Math.max(...lines.map((cells) => widthOf(cells[column] ?? ''))))
  return lines.map((cells) => join(cells, widths)).join('\n')
}

/** A cell of several lines makes its row as high. */
function linesOf(row: readonly string[]): readonly (readonly string[])[] {
  const cells = row.map((cell) => cell.split('\n'))
  const height = Math.max(1, ...cells.map((cell) => cell.length))
  return Array.from({ length: height }, (_, line) => cells.map((cell) => cell[line] ?? ''))
}

function join(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
    .join(GAP)
    .trimEnd()
}

/** Columns of a terminal: colours take none, marks go onto the letter before them, ideographs take two. */
export function widthOf(text: string): number {
  // The pattern for marks takes Node a millisecond to make, and our own ticks need it not.
  if (/^[\x20-\x7e✓✗·…]*$/.test(text)) return text.length
  const plain = stripVTControlCharacters(text).replace(/[\p{Mark}\p{Cf}\p{Cc}]/gu, '')
  return Array.from(plain).reduce((sum, letter) => sum + eastAsianWidth(letter.codePointAt(0) ?? 0), 0)
}
