/** Tables for people. */
import { type Page, widthOf, wrap } from './width.ts'

/** In front of what stands below a row. */
const INDENT = 2
/** Spaces between columns, and where the page is too narrow for that. */
const [GAP, NARROW_GAP] = [2, 1]
/** Columns of sentences keep this width; narrower ones are hard to read. */
const [SENTENCE, LEAST_OF_SENTENCE, LEAST] = [40, 20, 6]

type Row = readonly string[]

/**
 * Aligned columns under dim headings (no line of headings where all are empty), without rules, so that they can be
 * cut and pasted. On a page that is too narrow the widest columns are wrapped between words, or the sentences of a last
 * column without a heading go below their rows; where even that does not fit, each row becomes a block of lines.
 */
export function formatTable(allHeadings: Row, allRows: readonly Row[], { colors, columns }: Page): string {
  const isUsed = (_: string, column: number) =>
    allHeadings[column] !== '' || allRows.some((row) => (row[column] ?? '') !== '')
  const headings = allHeadings.filter(isUsed)
  const rows = allRows.map((row) => row.filter(isUsed))
  const layout = layoutOf(headings, rows, columns)
  const below = withRemarksBelow(headings, rows, { colors, columns }, layout)
  if (below !== undefined) return below
  if (!layout) return stacked(headings, rows, { colors, columns })
  return formatRows(headings, rows, colors, layout).join('\n')
}

/** The heading, if there is one, and each row, as text. */
function formatRows(
  headings: Row,
  rows: readonly Row[],
  colors: Page['colors'],
  layout: Layout,
): readonly string[] {
  const head = headings.every((heading) => heading === '')
    ? []
    : [headings.map((heading) => (heading === '' ? '' : colors.dim(heading)))]
  return [...head, ...rows].map((row) =>
    linesOf(row.map((cell, column) => wrapCell(cell, layout.widths[column] ?? 0)))
      .map((cells) => join(cells, layout))
      .join('\n'),
  )
}

interface Layout {
  readonly widths: readonly number[]
  readonly gap: number
}

/**
 * The table without its last column, whose sentences stand below their rows: where that column has no heading, and a
 * width at which sentences are hard to read. Undefined elsewhere.
 */
function withRemarksBelow(
  headings: Row,
  rows: readonly Row[],
  { colors, columns }: Page,
  layout: Layout | undefined,
): string | undefined {
  const last = headings.length - 1
  const width = layout?.widths[last] ?? 0
  const isWrapped = rows.some((row) =>
    linesOf([row[last] ?? '']).some(([line = '']) => widthOf(line) > width),
  )
  if (last < 1 || headings[last] !== '' || width >= SENTENCE || !isWrapped) return undefined
  const [names, cells] = [headings.slice(0, last), rows.map((row) => row.slice(0, last))]
  const shorter = layoutOf(names, cells, columns)
  if (!shorter) return undefined
  const lines = formatRows(names, cells, colors, shorter)
  const heads = lines.length - rows.length
  return lines
    .flatMap((line, index) => {
      const remark = rows[index - heads]?.[last] ?? ''
      const wrapped = remark === '' ? [] : wrapCell(remark, columns - INDENT).split('\n')
      return [line, ...wrapped.map((text) => ' '.repeat(INDENT) + text)]
    })
    .join('\n')
}

/** Takes room from the widest column until all fit; undefined where that is impossible. */
function layoutOf(headings: Row, rows: readonly Row[], columns: number): Layout | undefined {
  const all = [headings, ...rows].flatMap(linesOf)
  const natural = headings.map((_, column) => Math.max(...all.map((cells) => widthOf(cells[column] ?? ''))))
  const least = leastWidths(headings, rows)
  for (const gap of [GAP, NARROW_GAP]) {
    const widths = [...natural]
    const total = () => widths.reduce((sum, width) => sum + width, gap * (widths.length - 1))
    for (;;) {
      if (total() <= columns) return { widths, gap }
      const slack = widths.map((width, column) => (width > (least[column] ?? 0) ? width : 0))
      const widest = slack.indexOf(Math.max(...slack))
      if (!slack[widest]) break
      widths[widest] = (widths[widest] ?? 0) - 1
    }
  }
  return undefined
}

/** The longest word of each column. */
function leastWidths(headings: Row, rows: readonly Row[]): readonly number[] {
  return headings.map((heading, column) => {
    const words = [heading, ...rows.map((row) => row[column] ?? '')].flatMap((cell) => cell.split(/[ \n]/))
    const [longest, whole] = [
      Math.max(...words.map(widthOf)),
      Math.max(...rows.map((r) => widthOf(r[column] ?? ''))),
    ]
    const least = Math.max(longest, whole > SENTENCE ? LEAST_OF_SENTENCE : LEAST)
    return Math.min(least, Math.max(whole, widthOf(heading)))
  })
}

function wrapCell(cell: string, width: number): string {
  return cell
    .split('\n')
    .flatMap((line) => (widthOf(line) <= width ? [line] : wrap(line, width)))
    .join('\n')
}

/** A cell of several lines makes its row as high. */
function linesOf(row: Row): readonly Row[] {
  const cells = row.map((cell) => cell.split('\n'))
  const height = Math.max(1, ...cells.map((cell) => cell.length))
  return Array.from({ length: height }, (_, line) => cells.map((cell) => cell[line] ?? ''))
}

function join(cells: Row, { widths, gap }: Layout): string {
  return cells
    .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
    .join(' '.repeat(gap))
    .trimEnd()
}

/** Each row as a block: its first cells as the title, then a line for each of the others. */
function stacked(headings: Row, rows: readonly Row[], { colors, columns }: Page): string {
  const label = Math.max(...headings.map(widthOf)) + NARROW_GAP
  const named = headings.findIndex((heading) => heading !== '')
  const titled = named === -1 ? 1 : named
  const blocks = rows.map((row) => {
    const title = row
      .slice(0, titled + 1)
      .filter((cell) => cell !== '')
      .join(' ')
    const below = row.flatMap((cell, column) => {
      if (column <= titled || cell === '') return []
      const heading = headings[column] ?? ''
      if (heading === '')
        return wrapCell(cell, columns - INDENT)
          .split('\n')
          .map((line) => ' '.repeat(INDENT) + line)
      const [first = '', ...others] = wrapCell(cell, columns - INDENT - label).split('\n')
      const padded = colors.dim(heading) + ' '.repeat(label - widthOf(heading))
      return [`  ${padded}${first}`, ...others.map((line) => `  ${' '.repeat(label)}${line}`)]
    })
    return [title, ...below].join('\n')
  })
  return blocks.join('\n\n')
}
