/**
 * VGA's text mode: what registers and memory say is on the screen. Pure.
 *
 * Source: IBM VGA technical reference; QEMU hw/display/vga.c (vga_draw_text, vga_get_text_resolution).
 */
import { CODE_PAGE_437 } from './code-page-437.ts'

/** The registers that decide what a VGA card shows. */
export interface VgaRegisters {
  /** CRT controller, by index; from 0 to 0x18. */
  readonly crtc: readonly number[]
  /** Graphics controller, register 6: whether it is graphics, and where its memory lies. */
  readonly miscellaneous: number
}

/** Where the text lies, and how it is laid out. */
export interface TextLayout {
  readonly columns: number
  readonly rows: number
  /** First address of the window that the card shows its memory in, and its size. */
  readonly base: number
  readonly windowBytes: number
  /** Offset of the first cell, and from one row to the next, in bytes. */
  readonly start: number
  readonly pitch: number
  readonly cursor?: { readonly row: number; readonly column: number }
}

/** CRT controller registers. */
const HORIZONTAL_END = 0x01
const OVERFLOW = 0x07
const MAXIMUM_SCAN_LINE = 0x09
const CURSOR_START = 0x0a
const START_HIGH = 0x0c
const CURSOR_HIGH = 0x0e
const VERTICAL_END = 0x12
const ROW_OFFSET = 0x13
/** So many the layout depends on. */
export const CRTC_REGISTERS = [
  HORIZONTAL_END,
  OVERFLOW,
  MAXIMUM_SCAN_LINE,
  CURSOR_START,
  START_HIGH,
  START_HIGH + 1,
  CURSOR_HIGH,
  CURSOR_HIGH + 1,
  VERTICAL_END,
  ROW_OFFSET,
] as const

/** Windows of the card's memory, by bits 2 and 3 of the miscellaneous register. */
const WINDOWS = [
  { base: 0xa0000, bytes: 0x20000 },
  { base: 0xa0000, bytes: 0x10000 },
  { base: 0xb0000, bytes: 0x8000 },
  { base: 0xb8000, bytes: 0x8000 },
] as const

const CELL_BYTES = 2
/** What QEMU can show (CH_ATTR_SIZE in hw/display/vga.c). */
const MOST_COLUMNS = 160
const MOST_ROWS = 100

export const isGraphics = ({ miscellaneous }: VgaRegisters): boolean => (miscellaneous & 1) === 1

/** Of a machine without a VGA card: firmware and kernels write there all the same, and it is plain memory. */
export const PLAIN_LAYOUT: TextLayout = {
  columns: 80,
  rows: 25,
  base: 0xb8000,
  windowBytes: 0x8000,
  start: 0,
  pitch: 160,
}

/** Undefined when the registers describe no text, such as before the firmware has set a mode. */
export function textLayout(registers: VgaRegisters): TextLayout | undefined {
  if (isGraphics(registers)) return undefined
  const at = (index: number) => registers.crtc[index] ?? 0
  const word = (index: number) => at(index) * 256 + at(index + 1)
  const lines = at(VERTICAL_END) + ((at(OVERFLOW) & 0x02) << 7) + ((at(OVERFLOW) & 0x40) << 3) + 1
  const columns = at(HORIZONTAL_END) + 1
  const rows = Math.floor(lines / ((at(MAXIMUM_SCAN_LINE) & 0x1f) + 1))
  if (columns < 2 || columns > MOST_COLUMNS || rows < 1 || rows > MOST_ROWS) return undefined
  const window = WINDOWS[((registers.miscellaneous >> 2) & 3) as 0 | 1 | 2 | 3]
  const start = word(START_HIGH)
  const perRow = at(ROW_OFFSET) * 2
  const cell = word(CURSOR_HIGH) - start
  const row = Math.floor(cell / (perRow || columns))
  const isShown = (at(CURSOR_START) & 0x20) === 0 && row >= 0 && row < rows
  return {
    columns,
    rows,
    base: window.base,
    windowBytes: window.bytes,
    start: start * CELL_BYTES,
    pitch: (perRow || columns) * CELL_BYTES,
    ...(isShown ? { cursor: { row, column: cell % (perRow || columns) } } : {}),
  }
}

/** One place of the screen: a character and its colours as VGA numbers them, 0 to 15. QEMU has no blinking paper. */
export interface Cell {
  readonly char: string
  readonly ink: number
  readonly paper: number
}

/** Rows of cells in the memory of the window. The window goes on at its begin, as the card does. */
export function cellsOf(layout: TextLayout, memory: Uint8Array): readonly (readonly Cell[])[] {
  const { columns, rows, start, pitch, windowBytes } = layout
  const cell = (at: number): Cell => {
    const code = memory[at % windowBytes] ?? 0
    const attribute = memory[(at + 1) % windowBytes] ?? 0
    return { char: CODE_PAGE_437[code] ?? ' ', ink: attribute & 0x0f, paper: attribute >> 4 }
  }
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => cell(start + row * pitch + column * CELL_BYTES)),
  )
}

/** A character in the colour of its paper is not seen. */
export function seenOf(cells: readonly (readonly Cell[])[]): readonly (readonly Cell[])[] {
  return cells.map((row) => row.map((cell) => (cell.ink === cell.paper ? { ...cell, char: ' ' } : cell)))
}

/** Rows as lines, without blanks at their ends and without blank lines at the end. */
export function linesOf(cells: readonly (readonly { readonly char: string }[])[]): readonly string[] {
  const lines = cells.map((row) =>
    row
      .map(({ char }) => char)
      .join('')
      .trimEnd(),
  )
  while (lines.length > 0 && lines.at(-1) === '') lines.pop()
  return lines
}
