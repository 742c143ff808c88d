import { expect, it } from 'vitest'
import { CODE_PAGE_437 } from './code-page-437.ts'
import { cellsOf, isGraphics, linesOf, PLAIN_LAYOUT, seenOf, textLayout } from './text-mode.ts'

/** Registers as SeaBIOS sets mode 3: 80 × 25, cells of 16 lines. */
function mode3(more: Readonly<Record<number, number>> = {}): { crtc: number[]; miscellaneous: number } {
  const crtc = new Array<number>(0x19).fill(0)
  const values = { 1: 0x4f, 7: 0x1f, 9: 0x4f, 10: 0x0d, 11: 0x0e, 18: 0x8f, 19: 0x28, ...more }
  for (const [index, value] of Object.entries(values)) crtc[Number(index)] = value
  return { crtc, miscellaneous: 0x0e }
}

function memoryWith(at: number, text: string, attribute = 7): Uint8Array {
  const memory = new Uint8Array(0x8000)
  for (const [i, char] of [...text].entries()) {
    memory[(at + 2 * i) % 0x8000] = char.charCodeAt(0)
    memory[(at + 2 * i + 1) % 0x8000] = attribute
  }
  return memory
}

it('has 256 characters', () => {
  expect(CODE_PAGE_437).toHaveLength(256)
  expect(CODE_PAGE_437[0x41]).toBe('A')
  expect(CODE_PAGE_437[0xb3]).toBe('│')
  expect(CODE_PAGE_437[0x18]).toBe('↑')
  expect(CODE_PAGE_437[0xe1]).toBe('ß')
})

it('is 80 × 25 at 0xb8000 as the BIOS leaves it', () => {
  expect(textLayout(mode3())).toEqual({
    columns: 80,
    rows: 25,
    base: 0xb8000,
    windowBytes: 0x8000,
    start: 0,
    pitch: 160,
    cursor: { row: 0, column: 0 },
  })
})

it('is 80 × 50 with a font of 8 lines', () => {
  expect(textLayout(mode3({ 9: 0x47 }))).toMatchObject({ columns: 80, rows: 50 })
})

it('begins where the kernel scrolled to, and goes on at the start of the window', () => {
  const layout = textLayout(mode3({ 12: 0x3f, 13: 0xb0 }))
  expect(layout).toMatchObject({ start: 0x7f60 })
  const memory = memoryWith(0x7f60, 'x'.repeat(79).concat('y', 'z'))
  const lines = layout ? linesOf(cellsOf(layout, memory)) : []
  expect(lines).toEqual(['x'.repeat(79).concat('y'), 'z'])
})

it('knows where the cursor is, and whether it shows', () => {
  expect(textLayout(mode3({ 14: 0, 15: 85 }))?.cursor).toEqual({ row: 1, column: 5 })
  expect(textLayout(mode3({ 10: 0x20 }))?.cursor).toBeUndefined()
})

it('has colours', () => {
  const [row] = cellsOf(PLAIN_LAYOUT, memoryWith(0, 'R', 0x9c))
  expect(row?.[0]).toEqual({ char: 'R', ink: 12, paper: 9 })
})

it.each([
  [0x00, ''],
  [0x44, ''],
  [0x88, ''],
  [0x01, 'passed'],
  [0x80, 'passed'],
  [0x4c, 'passed'],
])('shows text with the attribute 0x%s only where its colours differ', (attribute, text) => {
  const cells = cellsOf(PLAIN_LAYOUT, memoryWith(0, 'passed', attribute))
  expect(linesOf(seenOf(cells)).join('\n')).toBe(text)
})

it('is nothing in a graphics mode, or before a mode is set', () => {
  expect(isGraphics({ ...mode3(), miscellaneous: 5 })).toBe(true)
  expect(textLayout({ ...mode3(), miscellaneous: 5 })).toBeUndefined()
  expect(textLayout({ crtc: [], miscellaneous: 0 })).toBeUndefined()
  expect(textLayout({ crtc: new Array(0x19).fill(255), miscellaneous: 0x0e })).toBeUndefined()
})
