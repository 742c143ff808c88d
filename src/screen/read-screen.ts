/** Reads the screen of a guest of QEMU: text from the memory of its VGA card, or from the pixels of its display. */
import { createHash } from 'node:crypto'
import type { QmpClient } from '../qemu/qmp.ts'
import { type DrawnShape, drawnShapes } from './drawn-shapes.ts'
import { GuestFonts } from './font-search.ts'
import type { Font } from './glyph-table.ts'
import { readDisplay, readMemory, readPort, setRunning, writePort } from './memory-reader.ts'
import { isBlank, type Picture, parsePpm, unenlarged } from './picture.ts'
import { isPlaceholder } from './placeholder.ts'
import { isClear, type ReadPicture, readPicture } from './read-glyphs.ts'
import { type ColoredCell, colored, type Screen } from './screen.ts'
import { inSlices } from './slices.ts'
import {
  CRTC_REGISTERS,
  cellsOf,
  isGraphics,
  linesOf,
  PLAIN_LAYOUT,
  seenOf,
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
  /** What is read unless a reading names another one; QEMU's first display, and the ports of VGA, if absent. */
  readonly source?: ScreenSource
}

/** One of several displays. */
export interface ScreenSource {
  /** Id of QEMU's device; QEMU's first display if absent. */
  readonly device?: string
  /** Output of that device: 0 is the first. */
  readonly output?: number
  /** It is the card that answers at the ports of VGA. */
  readonly hasText: boolean
}

export interface ReadOptions {
  readonly source?: ScreenSource

  /** The picture is wanted too. */
  readonly withPicture?: boolean
  /**
   * Fonts are looked for in all of the guest's memory; takes up to some seconds for a guest of gigabytes. `seldom`: once
   * for a picture, and not most of the time.
   */
  readonly searchFonts?: boolean | 'seldom'
}

/** Ports of the graphics controller and of the CRT controller: a register's number goes to the first of a pair. */
const GRAPHICS = 0x3ce
const MISCELLANEOUS = 6
const CRTC = { color: 0x3d4, monochrome: 0x3b4 }
/** The miscellaneous output register; bit 0 chooses the ports of the CRT controller. */
const OUTPUT = 0x3cc

/** What is known of one display. */
interface Memo {
  /** How the last picture was read. */
  like?: ReadPicture | undefined
  last?: { readonly digest: string; readonly screen: Screen; readonly isClear: boolean }
  /** Digest of the picture for which memory was searched last. */
  searched?: string
}

const FIRST: ScreenSource = { hasText: true }

/** Reads screens of one guest, and keeps the fonts that were found in it. */
export class ScreenReader {
  readonly #qmp: QmpClient
  readonly #options: ScreenReaderOptions
  readonly #fonts: GuestFonts
  readonly #memos = new Map<string, Memo>()
  #busy: Promise<unknown> = Promise.resolve()
  #progress = 0
  /** When all memory may be searched again. */
  #nextSearch = 0

  constructor(qmp: QmpClient, options: ScreenReaderOptions) {
    this.#qmp = qmp
    this.#options = options
    this.#fonts = new GuestFonts((at, bytes) => this.#memory(at, bytes), options.ramBytes)
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

  get #source(): ScreenSource {
    return this.#options.source ?? FIRST
  }

  #memoOf({ source: { device = '', output = 0 } = this.#source }: ReadOptions): Memo {
    const key = `${device}:${output}`
    const memo = this.#memos.get(key) ?? {}
    this.#memos.set(key, memo)
    return memo
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
  async #look({ withPicture = false, source = this.#source }: ReadOptions) {
    const registers = source.hasText ? await this.#registers() : undefined
    const layout = registers && textLayout(registers)
    const { folder } = this.#options
    const dump = layout && !withPicture ? undefined : await readDisplay(this.#qmp, { folder, ...source })
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

  /** Undefined without a VGA card: ports that nothing answers are all ones. */
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
    const cells = cellsOf(layout, memory)
    // Without a card no colour hides anything: kernels that trust the firmware for colours write characters alone.
    return screenOf(mode, mode === 'none' ? cells : seenOf(cells), { isTrueColor: false, unread: 0 })
  }

  async #pixels(picture: Picture, options: ReadOptions): Promise<Screen> {
    const { searchFonts = false } = options
    if ((await inSlices(isBlank(picture))) || (await inSlices(isPlaceholder(picture))))
      return emptyOf(picture, true)
    const memo = this.#memoOf(options)
    const digest = createHash('sha1').update(picture.pixels).digest('hex')
    const last = memo.last?.digest === digest ? memo.last : undefined
    if (
      last &&
      (last.isClear || searchFonts === false || (searchFonts === 'seldom' && digest === memo.searched))
    )
      return last.screen
    const small = await inSlices(unenlarged(picture))
    const pictures = small === picture ? [picture] : [picture, small]
    let read = await this.#readOf(pictures, await this.#fonts.known(), memo)
    if (read === undefined || read.unknown > 0)
      read = better(read, await this.#readOf(pictures, await this.#fonts.grown(), memo))
    const isSearched =
      searchFonts !== false && !isClearEnough(read) && this.#maySearch(digest, searchFonts, memo)
    const begun = performance.now()
    let slices = 0
    const shapes: (readonly DrawnShape[])[] = []
    if (isSearched) for (const one of pictures) shapes.push(await inSlices(drawnShapes(one)))
    if (isSearched)
      for await (const found of this.#fonts.search(shapes)) {
        this.#progress += 1
        read = better(read, await this.#readOf(pictures, found, memo))
        slices += 1
        // A font that is nearly the right one may lie before it.
        if (read && (isClear(read) || (isClearEnough(read) && slices >= MOST_SLICES))) break
      }
    if (isSearched) this.#nextSearch = performance.now() + PAUSES * (performance.now() - begun)
    memo.like = read ?? memo.like
    const screen = read
      ? screenOf('graphics', read.rows, { isTrueColor: true, unread: read.unknown })
      : emptyOf(picture, false)
    memo.last = { digest, screen, isClear: isClearEnough(read) }
    return screen
  }

  /** As it is, or with enlarged letters made small again: fonts may have doubled rows of their own. */
  async #readOf(
    pictures: readonly Picture[],
    fonts: readonly Font[],
    { like }: Memo,
  ): Promise<ReadPicture | undefined> {
    let best: ReadPicture | undefined
    if (fonts.length === 0) return undefined
    for (const picture of pictures) {
      best = better(best, await inSlices(readPicture(picture, fonts, like)))
      if (isClearEnough(best)) return best
    }
    return best
  }

  #maySearch(digest: string, searchFonts: true | 'seldom', memo: Memo): boolean {
    const isDue = digest !== memo.searched && performance.now() >= this.#nextSearch
    if (searchFonts === 'seldom' && !isDue) return false
    memo.searched = digest
    return true
  }

  async #memory(at: number, bytes: number): Promise<Buffer> {
    const memory = await readMemory(this.#qmp, { at, bytes, folder: this.#options.folder })
    this.#progress += 1
    return memory
  }
}

/** Between two searches for fonts passes so many times what the first one took. */
const PAUSES = 4

/** After so many slices of memory, a picture that is clear enough is taken. */
const MOST_SLICES = 64

/** Nine of ten shapes are known. */
const isClearEnough = (read: ReadPicture | undefined) => read !== undefined && read.unknown * 10 <= read.known

function better(one: ReadPicture | undefined, other: ReadPicture | undefined): ReadPicture | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.known - other.unknown > one.known - one.unknown ? other : one
}

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

/** Loaded where a picture is wanted. */
async function pngOf({ width, height, pixels }: Picture): Promise<Buffer> {
  const {
    default: { PNG },
  } = await import('pngjs')
  // Without filters, which take long and all at once; other threads compress.
  const png = new PNG({ width, height, colorType: 2, inputColorType: 2, inputHasAlpha: false, filterType: 0 })
  png.data = Buffer.from(pixels.subarray(0, width * height * 3))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    png.on('data', (chunk: Buffer) => chunks.push(chunk))
    png.on('error', reject)
    png.on('end', () => resolve(Buffer.concat(chunks)))
    png.pack()
  })
}
