/** Reads the screen of a guest of QEMU: text from the memory of its VGA card, or from the pixels of its display. */
import { createHash } from 'node:crypto'
import type { QmpClient } from '../qemu/qmp.ts'
import { MiB } from '../units.ts'
import { fontsOfShapes } from './drawn-fonts.ts'
import { type DrawnShape, drawnShapes } from './drawn-shapes.ts'
import { fontsIn } from './fonts.ts'
import type { Font } from './glyph-table.ts'
import { readDisplay, readMemory, readPort, setRunning, writePort } from './memory-reader.ts'
import { isBlank, type Picture, parsePpm, unenlarged } from './picture.ts'
import { type ReadPicture, readPicture } from './read-glyphs.ts'
import { type ColoredCell, colored, type Screen } from './screen.ts'
import {
  CRTC_REGISTERS,
  cellsOf,
  isGraphics,
  linesOf,
  PLAIN_LAYOUT,
  type TextLayout,
  textLayout,
  type VgaRegisters,
} from './text-mode.ts'

export interface ScreenReaderOptions {
  /** For QEMU's files, which are removed at once. */
  readonly folder: string
  /** How much memory may hold a font. */
  readonly ramBytes: number
  /** Whether the guest may be stopped while its card is read: gdb would take that for an interrupt of its own. */
  readonly mayStop: boolean
}

export interface ReadOptions {
  /** The picture is wanted too. */
  readonly withPicture?: boolean
  /**
   * Fonts are looked for in all of the guest's memory; takes up to some seconds for a guest of gigabytes. `seldom`: once
   * for a picture, and not most of the time.
   */
  readonly searchFonts?: boolean | 'seldom'
}

/** Where the BIOS of the VGA card lies, with its fonts. */
const ROM = { at: 0xc0000, bytes: 0x10000 }
const PART = 64 * MiB
const OVERLAP = MiB / 8
/** Kernels and firmware keep their fonts below; memory above is rarely theirs. */
const MOST_SEARCHED = 2048 * MiB

/** Ports of the graphics controller and of the CRT controller: a register's number goes to the first of a pair. */
const GRAPHICS = 0x3ce
const MISCELLANEOUS = 6
const CRTC = { color: 0x3d4, monochrome: 0x3b4 }
/** The miscellaneous output register; bit 0 chooses the ports of the CRT controller. */
const OUTPUT = 0x3cc

/** Reads screens of one guest, and keeps the fonts that were found in it. */
export class ScreenReader {
  readonly #qmp: QmpClient
  readonly #options: ScreenReaderOptions
  #fonts: readonly Font[] | undefined
  /** How the last picture was read. */
  #like: ReadPicture | undefined
  #busy: Promise<unknown> = Promise.resolve()
  #lastRead: { readonly digest: string; readonly screen: Screen; readonly isClear: boolean } | undefined
  #progress = 0
  /** Digest of the picture for which memory was searched last, and when that may be done again. */
  #searched: string | undefined
  #nextSearch = 0

  constructor(qmp: QmpClient, options: ScreenReaderOptions) {
    this.#qmp = qmp
    this.#options = options
  }

  /** Grows while a reading goes on: a search for fonts takes seconds on a loaded computer. */
  get progress(): number {
    return this.#progress
  }

  /**
   * What is on the screen now. The guest stands still while its card is read: some milliseconds.
   *
   * @throws QmpEnded when QEMU has gone
   */
  read(options: ReadOptions = {}): Promise<Screen> {
    return this.alone(() => this.#read(options))
  }

  /** Runs while no screen is read: the guest does not stand still for that. */
  alone<T>(use: () => Promise<T>): Promise<T> {
    const using = this.#busy.then(use)
    this.#busy = using.catch(() => {})
    return using
  }

  async #read(options: ReadOptions): Promise<Screen> {
    const { registers, text, dump } = await this.#stopped(() => this.#look(options))
    const picture = dump && parsePpm(dump)
    const png = options.withPicture && picture ? { png: await pngOf(picture) } : {}
    if (text && registers) return { ...text, ...png }
    if (picture) return { ...(await this.#pixels(picture, options)), ...png }
    if (registers && isGraphics(registers)) return EMPTY
    return text ?? EMPTY
  }

  /** What has to be of one moment. */
  async #look({ withPicture = false }: ReadOptions) {
    const registers = await this.#registers()
    const layout = registers && textLayout(registers)
    const dump = layout && !withPicture ? undefined : await readDisplay(this.#qmp, this.#options.folder)
    if (layout) return { registers, dump, text: await this.#text('text', layout) }
    const isPlain = dump === undefined && registers === undefined
    return { registers, dump, ...(isPlain ? { text: await this.#text('none', PLAIN_LAYOUT) } : {}) }
  }

  /** Registers are read by writing to them: a guest that does the same must not run. */
  async #stopped<T>(use: () => Promise<T>): Promise<T> {
    if (!this.#options.mayStop) return use()
    const { running } = await this.#qmp.execute('query-status')
    if (!running) return use()
    await setRunning(this.#qmp, false)
    try {
      return await use()
    } finally {
      // One that its owner has stopped meanwhile stays as it is; one that has ended does not go on.
      if (!this.#qmp.isHeld) await setRunning(this.#qmp, true)
    }
  }

  /** Undefined without a VGA card: ports that nothing progress are all ones. */
  async #registers(): Promise<VgaRegisters | undefined> {
    const before = await readPort(this.#qmp, GRAPHICS)
    if (before === undefined || before === 0xff) return undefined
    const miscellaneous = await this.#indexed(GRAPHICS, [MISCELLANEOUS], before)
    const output = (await readPort(this.#qmp, OUTPUT)) ?? 1
    const port = output & 1 ? CRTC.color : CRTC.monochrome
    const index = (await readPort(this.#qmp, port)) ?? 0
    const values = await this.#indexed(port, CRTC_REGISTERS, index)
    const crtc = new Array<number>(0x19).fill(0)
    for (const [i, register] of CRTC_REGISTERS.entries()) crtc[register] = values[i] ?? 0
    return { crtc, miscellaneous: miscellaneous[0] ?? 0 }
  }

  /** The index register is as before at the end. */
  async #indexed(port: number, registers: readonly number[], before: number): Promise<readonly number[]> {
    const values: number[] = []
    for (const register of registers) values.push((await readPort(this.#qmp, port, register)) ?? 0)
    await writePort(this.#qmp, port, before)
    return values
  }

  async #text(mode: 'text' | 'none', layout: TextLayout): Promise<Screen> {
    const { folder } = this.#options
    const memory = await readMemory(this.#qmp, { at: layout.base, bytes: layout.windowBytes, folder })
    return screenOf(mode, cellsOf(layout, memory), { isTrueColor: false, unread: 0 })
  }

  async #pixels(picture: Picture, { searchFonts = false }: ReadOptions): Promise<Screen> {
    if (isBlank(picture)) return emptyOf(picture, true)
    const digest = createHash('sha1').update(picture.pixels).digest('hex')
    const last = this.#lastRead?.digest === digest ? this.#lastRead : undefined
    if (
      last &&
      (last.isClear || searchFonts === false || (searchFonts === 'seldom' && digest === this.#searched))
    )
      return last.screen
    const small = unenlarged(picture)
    const pictures = small === picture ? [picture] : [picture, small]
    this.#fonts ??= fontsIn(await this.#memory(ROM.at, ROM.bytes))
    let read = this.#readOf(pictures, this.#fonts)
    let shapes: readonly (readonly DrawnShape[])[] | undefined
    const isSearched = searchFonts !== false && !isClearEnough(read) && this.#maySearch(digest, searchFonts)
    const begun = performance.now()
    for (const range of isSearched ? this.#places() : []) {
      if (isClearEnough(read)) break
      const memory = await this.#memory(range.at, range.bytes)
      shapes ??= pictures.map(drawnShapes)
      const found = [...shapes.flatMap((some) => fontsOfShapes(memory, some)), ...fontsIn(memory)]
      this.#progress += 1
      if (found.length === 0) continue
      this.#fonts = distinct([...found, ...this.#fonts])
      read = this.#readOf(pictures, this.#fonts)
    }
    if (isSearched) this.#nextSearch = performance.now() + PAUSES * (performance.now() - begun)
    this.#like = read ?? this.#like
    const screen = read
      ? screenOf('graphics', read.rows, { isTrueColor: true, unread: read.unknown })
      : emptyOf(picture, false)
    this.#lastRead = { digest, screen, isClear: isClearEnough(read) }
    return screen
  }

  /** As it is, or with enlarged letters made small again: fonts may have doubled rows of their own. */
  #readOf(pictures: readonly Picture[], fonts: readonly Font[]): ReadPicture | undefined {
    let best: ReadPicture | undefined
    for (const picture of pictures) {
      const read = readPicture(picture, fonts, this.#like)
      if (read && (best === undefined || read.known - read.unknown > best.known - best.unknown)) best = read
      if (isClearEnough(best)) return best
    }
    return best
  }

  #maySearch(digest: string, searchFonts: true | 'seldom'): boolean {
    const isDue = digest !== this.#searched && performance.now() >= this.#nextSearch
    if (searchFonts === 'seldom' && !isDue) return false
    this.#searched = digest
    return true
  }

  /** Where fonts may lie: kernels low in memory, firmware at its end, then all else. Parts overlap by a table. */
  #places(): readonly { readonly at: number; readonly bytes: number }[] {
    const end = Math.min(this.#options.ramBytes, MOST_SEARCHED)
    const parts = Array.from({ length: Math.ceil(end / PART) }, (_, i) => ({
      at: i * PART,
      bytes: Math.min(PART + OVERLAP, end - i * PART),
    }))
    const [first, ...rest] = parts
    const last = rest.pop()
    return [first, last, ...rest].filter((part) => part !== undefined)
  }

  async #memory(at: number, bytes: number): Promise<Buffer> {
    const memory = await readMemory(this.#qmp, { at, bytes, folder: this.#options.folder })
    this.#progress += 1
    return memory
  }
}

/** Between two searches for fonts passes so many times what the first one took. */
const PAUSES = 4

/** Nine of ten shapes are known. */
const isClearEnough = (read: ReadPicture | undefined) => read !== undefined && read.unknown * 10 <= read.known

const EMPTY: Screen = {
  mode: 'graphics',
  text: '',
  colored: '',
  columns: 0,
  rows: 0,
  unread: 0,
  isBlank: true,
}

const emptyOf = ({ width, height }: Picture, isBlank: boolean): Screen => ({
  ...EMPTY,
  isBlank,
  columns: Math.floor(width / 8),
  rows: Math.floor(height / 16),
})

function screenOf(
  mode: Screen['mode'],
  cells: readonly (readonly ColoredCell[])[],
  { isTrueColor, unread }: { readonly isTrueColor: boolean; readonly unread: number },
): Screen {
  const text = linesOf(cells).join('\n')
  return {
    mode,
    text,
    colored: colored(cells, isTrueColor),
    columns: cells[0]?.length ?? 0,
    rows: cells.length,
    unread,
    isBlank: text === '',
  }
}

/** Several copies of one font are one. */
function distinct(fonts: readonly Font[]): readonly Font[] {
  const seen = new Set<string>()
  return fonts.filter(({ width, height, chars }) => {
    const key = `${width} ${height} ${[...chars.keys()].join('')}`
    return !seen.has(key) && seen.add(key)
  })
}

/** Loaded where a picture is wanted. */
async function pngOf({ width, height, pixels }: Picture): Promise<Buffer> {
  const {
    default: { PNG },
  } = await import('pngjs')
  const png = new PNG({ width, height, colorType: 2, inputHasAlpha: false })
  png.data = Buffer.from(pixels.subarray(0, width * height * 3))
  return PNG.sync.write(png, { colorType: 2, inputColorType: 2, inputHasAlpha: false })
}
