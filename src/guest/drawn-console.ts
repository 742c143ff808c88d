/**
 * A console on which a program draws: it moves the cursor to places (ECMA-48, CUP), as menus of firmware, GRUB and
 * memtest86+ do. What a terminal would show is kept up to date by an emulator, which is loaded when drawing begins.
 * Consoles of lines never get that far.
 */
import { visible } from '../guest-text.ts'

/** The part of the emulator that is used (@xterm/headless). */
interface Terminal {
  readonly buffer: {
    readonly active: {
      readonly baseY: number
      getLine(y: number): { translateToString(isTrimmed: boolean): string } | undefined
    }
  }
  readonly rows: number
  readonly cols: number
  resize(columns: number, rows: number): void
  write(bytes: Uint8Array, onWritten: () => void): void
}

/** The cursor goes to a row and a column. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is looked for
const PLACED = /\x1b\[(\d{1,4});(\d{1,4})[Hf]/g
/** Firmware places the cursor a few times and then prints lines. */
export const LEAST_PLACED = 3
/** What came before drawing was noticed is drawn too. */
const EARLY_BYTES = 256 * 1024
/** A sequence may lie across two chunks. */
const LONGEST_SEQUENCE = 12
const SIZE = { least: { columns: 80, rows: 25 }, most: { columns: 256, rows: 100 } }
/** Text goes on behind the place where the cursor was set. */
const WIDTHS = [80, 100, 132, 160, 256] as const
/** The emulator reads some 10 MB/s. What a guest draws faster than that is given up. */
const MOST_WAITING = 4 * 1024 * 1024

export class DrawnConsole {
  #early: Buffer[] | undefined = []
  #earlyBytes = 0
  #rest = ''
  #placed = 0
  /** Since the cursor was placed last. */
  #lines = 0
  #size = SIZE.least
  #terminal: Promise<Terminal> | undefined
  #waiting = 0
  #isLost = false
  #shown: readonly string[] = []
  #listeners: ((lines: readonly string[]) => void)[] = []
  #written: Promise<void> = Promise.resolve()

  /** What the terminal shows; undefined where the console is one of lines, or has become one. */
  get lines(): readonly string[] | undefined {
    const isDrawing = this.#terminal !== undefined && !this.#isLost && this.#lines <= this.#size.rows
    return isDrawing && this.#shown.length > 0 ? this.#shown : undefined
  }

  get hasBegun(): boolean {
    return this.#terminal !== undefined
  }

  /** Calls back whenever the terminal shows something else. */
  onChange(listener: (lines: readonly string[]) => void): void {
    this.#listeners.push(listener)
  }

  take(chunk: Buffer): void {
    if (this.#isLost) return
    if (this.#early) this.#keep(chunk)
    this.#look(chunk)
    if (this.#terminal) this.#write(this.#terminal, [chunk])
    else if (this.#placed >= LEAST_PLACED) this.#begin()
  }

  /** Resolves when all that came has been drawn. */
  settled(): Promise<void> {
    return this.#written
  }

  #keep(chunk: Buffer): void {
    this.#early?.push(chunk)
    this.#earlyBytes += chunk.length
    while (this.#early && this.#early.length > 1 && this.#earlyBytes > EARLY_BYTES)
      this.#earlyBytes -= this.#early.shift()?.length ?? 0
  }

  #look(chunk: Buffer): void {
    if (this.#rest === '' && this.#placed === 0 && !chunk.includes(0x1b)) return
    const text = this.#rest + chunk.toString('latin1')
    this.#rest = ''
    let end = 0
    let { columns, rows } = this.#size
    for (const match of text.matchAll(PLACED)) {
      const [row, column] = [Number(match[1]), Number(match[2])]
      end = match.index + match[0].length
      // To the corner go those who clear the screen and print lines.
      if (row <= 1 && column <= 1) continue
      this.#placed += 1
      this.#lines = 0
      if (column > columns) columns = WIDTHS.find((width) => column <= width) ?? SIZE.most.columns
      rows = Math.max(rows, Math.min(row, SIZE.most.rows))
    }
    this.#size = { columns, rows }
    const after = text.slice(end)
    this.#lines += after.split('\n').length - 1
    const last = after.lastIndexOf('\x1b')
    if (last !== -1 && after.length - last < LONGEST_SEQUENCE) this.#rest = after.slice(last)
  }

  #begin(): void {
    const early = this.#early ?? []
    this.#early = undefined
    this.#terminal = loadTerminal(this.#size)
    this.#write(this.#terminal, early)
  }

  #write(terminal: Promise<Terminal>, chunks: readonly Buffer[]): void {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    this.#waiting += bytes
    if (this.#waiting > MOST_WAITING + EARLY_BYTES) {
      this.#isLost = true
      return
    }
    this.#written = terminal.then(async (one) => {
      if (one.cols < this.#size.columns || one.rows < this.#size.rows)
        one.resize(this.#size.columns, this.#size.rows)
      await Promise.all(chunks.map((chunk) => new Promise<void>((done) => one.write(chunk, done))))
      this.#waiting -= bytes
      if (this.#waiting === 0) this.#show(one)
    })
  }

  #show({ buffer: { active }, rows }: Terminal): void {
    const lines = Array.from({ length: rows }, (_, y) =>
      visible(active.getLine(active.baseY + y)?.translateToString(true) ?? '').trimEnd(),
    )
    while (lines.at(-1) === '') lines.pop()
    if (lines.join('\n') === this.#shown.join('\n')) return
    this.#shown = lines
    if (this.lines) for (const listener of this.#listeners) listener(lines)
  }
}

async function loadTerminal({ columns, rows }: typeof SIZE.least): Promise<Terminal> {
  const loaded = await import('@xterm/headless')
  // CommonJS: what it exports is its default where it is imported as it is.
  const { Terminal: Emulator } = 'default' in loaded ? (loaded.default as typeof loaded) : loaded
  return new Emulator({ cols: columns, rows, scrollback: 0, allowProposedApi: true })
}
