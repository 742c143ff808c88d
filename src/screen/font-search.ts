/**
 * Fonts that are known of one guest, and the search for them in its memory: in slices, so that other work of this process
 * goes on between two of them.
 */
import { KiB, MiB } from '../units.ts'
import { fontsOfShapes } from './drawn-fonts.ts'
import type { DrawnShape } from './drawn-shapes.ts'
import { fontsIn } from './fonts.ts'
import type { Font } from './glyph-table.ts'
import { type GrubIndex, grubFont, grubIndexesIn } from './grub-fonts.ts'

/** Bytes of a guest's physical memory. */
export type ReadMemory = (at: number, bytes: number) => Promise<Buffer>

/** Where the BIOS of the VGA card lies, with its fonts. */
const ROM = { at: 0xc0000, bytes: 0x10000 }
/** So much is read at once, and so much searched at once. */
const PART = 64 * MiB
const SLICE = MiB
/** The largest table that is found where two of them meet: 512 glyphs of 64 rows of 4 bytes, with their names. */
const OVERLAP = 192 * KiB
/** Kernels and firmware keep their fonts below; memory above is rarely theirs. */
const MOST_SEARCHED = 2048 * MiB

const ZEROS = Buffer.alloc(SLICE + OVERLAP)

export class GuestFonts {
  readonly #read: ReadMemory
  readonly #ramBytes: number
  readonly #seen = new Set<string>()
  readonly #indexes: GrubIndex[] = []
  #fonts: readonly Font[] | undefined

  constructor(read: ReadMemory, ramBytes: number) {
    this.#read = read
    this.#ramBytes = ramBytes
  }

  /** Those that were found up to now; at first those of the VGA card. */
  async known(): Promise<readonly Font[]> {
    if (this.#fonts) return this.#fonts
    this.#fonts = []
    this.#add(fontsIn(await this.#read(ROM.at, ROM.bytes)))
    return this.#fonts
  }

  /** Fonts that were found before and have more characters now: GRUB reads those that it draws. */
  async grown(): Promise<readonly Font[]> {
    return this.#add(await this.#ofGrub(this.#indexes))
  }

  /**
   * New fonts, as they are found in the memory of the guest.
   *
   * @param shapes Of each picture that is to be read
   */
  async *search(shapes: readonly (readonly DrawnShape[])[]): AsyncGenerator<readonly Font[]> {
    for (const { at, bytes } of this.#places())
      for await (const found of fontsInSlices(await this.#read(at, bytes), shapes, at)) {
        const indexes = found.indexes.filter((one) => !this.#indexes.some((known) => known.at === one.at))
        this.#indexes.push(...indexes)
        yield this.#add([...found.fonts, ...(await this.#ofGrub(indexes))])
      }
  }

  async #ofGrub(indexes: readonly GrubIndex[]): Promise<readonly Font[]> {
    const fonts: Font[] = []
    for (const index of indexes) fonts.push(...(await grubFont(index, this.#read)))
    return fonts
  }

  /** Several copies of one font are one. */
  #add(fonts: readonly Font[]): readonly Font[] {
    const added = fonts.filter(({ width, height, chars }) => {
      const key = `${width} ${height} ${[...chars.keys()].join('')}`
      return !this.#seen.has(key) && this.#seen.add(key)
    })
    this.#fonts = [...(this.#fonts ?? []), ...added]
    return added
  }

  /** Where fonts may lie: kernels low in memory, firmware at its end, then all else. Parts overlap by a table. */
  #places(): readonly { readonly at: number; readonly bytes: number }[] {
    const end = Math.min(this.#ramBytes, MOST_SEARCHED)
    const parts = Array.from({ length: Math.ceil(end / PART) }, (_, i) => ({
      at: i * PART,
      bytes: Math.min(PART + OVERLAP, end - i * PART),
    }))
    const [first, ...rest] = parts
    const last = rest.pop()
    return [first, last, ...rest].filter((part) => part !== undefined)
  }
}

interface Found {
  readonly fonts: readonly Font[]
  readonly indexes: readonly GrubIndex[]
}

/** What each slice has that is not all zeros. */
export async function* fontsInSlices(
  memory: Buffer,
  shapes: readonly (readonly DrawnShape[])[],
  from = 0,
): AsyncGenerator<Found> {
  for (let at = 0; at < memory.length; at += SLICE) {
    const slice = memory.subarray(at, at + SLICE + OVERLAP)
    if (slice.equals(ZEROS.subarray(0, slice.length))) continue
    yield {
      fonts: [...shapes.flatMap((some) => fontsOfShapes(slice, some)), ...fontsIn(slice)],
      indexes: grubIndexesIn(slice, from + at),
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}
