/** Reads the screen of a guest of QEMU: text from the memory of its VGA card, or from the pixels of its display. */
import type { QmpClient } from '../qemu/qmp.ts'
import { MiB } from '../units.ts'
import { type Font, fontsIn } from './fonts.ts'
import { readDisplay, readMemory, readPort, setRunning, writePort } from './memory-reader.ts'
import { isBlank, type Picture, parsePpm, undoubled } from './picture.ts'
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
  /** Fonts are looked for in all of the guest's memory; takes up to some seconds for a guest of gigabytes. */
  readonly searchFonts?: boolean
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

  constructor(qmp: QmpClient, options: ScreenReaderOptions) {
    this.#qmp = qmp
    this.#options = options
  }

  /**
   * What is on the screen now. The guest stands still while its card is read: some milliseconds.
   *
   * @throws QmpEnded when QEMU has gone
   */
  read(options: ReadOptions = {}): Promise<Screen> {
    const reading = this.#busy.then(() => this.#read(options))
    this.#busy = reading.catch(() => {})
    return reading
  }

  async #read(options: ReadOptions): Promise<Screen> {
    const { registers, text, dump } = await this.#stopped(() => this.#look(options))
    const picture = dump && parsePpm(dump)
    const png = options.withPicture && picture ? { png: await pngOf(picture) } : {}
    if (text && registers) return { ...text, ...png }
    if (picture) return { ...(await this.#pixels(undoubled(picture), options)), ...png }
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
    return screenOf(mode, cellsOf(layout, memory), { isTrueColor: false, unread: 0 })
  }

  async #pixels(picture: Picture, { searchFonts = false }: ReadOptions): Promise<Screen> {
    this.#fonts ??= fontsIn(await this.#memory(ROM.at, ROM.bytes))
    let read = readPicture(picture, this.#fonts, this.#like)
    for (const range of searchFonts ? this.#places() : []) {
      if (read && read.unknown * 10 <= read.known) break
      if (isBlank(picture)) break
      const found = fontsIn(await this.#memory(range.at, range.bytes))
      if (found.length === 0) continue
      this.#fonts = distinct([...this.#fonts, ...found])
      read = readPicture(picture, this.#fonts) ?? read
    }
    this.#like = read ?? this.#like
    if (!read)
      return { ...EMPTY, columns: Math.floor(picture.width / 8), rows: Math.floor(picture.height / 16) }
    return screenOf('graphics', read.rows, { isTrueColor: true, unread: read.unknown })
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

  #memory(at: number, bytes: number): Promise<Buffer> {
    return readMemory(this.#qmp, { at, bytes, folder: this.#options.folder })
  }
}

const EMPTY: Screen = { mode: 'graphics', text: '', colored: '', columns: 0, rows: 0, unread: 0 }

function screenOf(
  mode: Screen['mode'],
  cells: readonly (readonly ColoredCell[])[],
  { isTrueColor, unread }: { readonly isTrueColor: boolean; readonly unread: number },
): Screen {
  return {
    mode,
    text: linesOf(cells).join('\n'),
    colored: colored(cells, isTrueColor),
    columns: cells[0]?.length ?? 0,
    rows: cells.length,
    unread,
  }
}

/** Several copies of one font are one. */
function distinct(fonts: readonly Font[]): readonly Font[] {
  const seen = new Set<string>()
  return fonts.filter(({ height, chars }) => {
    const key = `${height} ${[...chars.keys()].join('')}`
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
