/** Glyphs by their shapes. Pure. */

/** The shapes of a font, all of one size. */
export interface Font {
  readonly name: string
  readonly width: number
  readonly height: number
  /** Character by shape: rows of whole bytes, the leftmost pixel in the highest bit of the first one. */
  readonly chars: ReadonlyMap<string, string>
  /** Of a font that was found by shapes of a picture: the upper left corner of one of its cells, and widths that cells may have. */
  readonly cells?: { readonly x: number; readonly y: number; readonly widths: readonly number[] }
}

/** The first character of a shape counts: several are drawn alike. Blank ones need no shape. */
export function addGlyph(chars: Map<string, string>, rows: Uint8Array, char: string): void {
  if (!/^[^\p{C}]$/u.test(char) || rows.length === 0 || rows.every((row) => row === 0)) return
  const shape = shapeKey(rows)
  const known = chars.get(shape)
  // Letters before symbols that look the same.
  if (known === undefined || (!/[ -~]/.test(known) && /[ -~]/.test(char))) chars.set(shape, char)
}

export const shapeKey = (rows: Uint8Array): string =>
  Buffer.from(rows.buffer, rows.byteOffset, rows.length).toString('latin1')

/** Letters and digits have shapes of their own. */
export function isLikely(chars: ReadonlyMap<string, string>): boolean {
  const known = new Set(chars.values())
  return [...'ABCDEFGHKMNRabcdefgh234567'].every((char) => known.has(char))
}

export function mirrored(byte: number): number {
  let result = 0
  for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) result |= 0x80 >> bit
  return result
}

/** Rows whose last byte has bits beyond the width: those are cleared. */
export function withoutPadding(rows: Uint8Array, width: number): Uint8Array {
  const bytes = Math.ceil(width / 8)
  const mask = (0xff00 >> (width - (bytes - 1) * 8)) & 0xff
  return mask === 0xff ? rows : rows.map((byte, i) => (i % bytes === bytes - 1 ? byte & mask : byte))
}
