/** Follows what a guest draws: new lines for those who watch, and the last screen for the record. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OWN_FILE } from '../own-files.ts'
import { withoutFirmware } from '../screen/firmware-lines.ts'
import { newLines } from '../screen/new-lines.ts'
import type { ScreenReader } from '../screen/read-screen.ts'
import type { Screen } from '../screen/screen.ts'
import { startTimer, type Timer } from '../timer.ts'

/** A screen that changes is read that often, one that does not more and more rarely. */
const PERIOD_MS = { least: 250, most: 1000 }
/** So often all memory is searched for fonts while the guest runs. */
const FONT_SEARCHES = 3
/** What the last reading may take: QEMU answers in milliseconds, or is stuck. */
const LAST_MS = 5000

export class ScreenWatch {
  readonly #reader: ScreenReader
  readonly #onChange: ((lines: readonly string[]) => void)[] = []
  readonly #onLine: ((line: string) => void)[] = []
  #onStill: (() => Promise<void>) | undefined
  #last: Screen | undefined
  #shown: readonly string[] = []
  #period: number = PERIOD_MS.least
  #searches = 0
  #timer: Timer | undefined
  #isOver = false
  #final: Promise<void> | undefined

  constructor(reader: ScreenReader) {
    this.#reader = reader
  }

  /** Gets the whole screen without the lines of firmware, whenever it has changed. */
  onChange(listener: (lines: readonly string[]) => void): void {
    this.#onChange.push(listener)
  }

  /** Gets lines that were not there before, once they stay as they are. */
  onLine(listener: (line: string) => void): void {
    this.#onLine.push(listener)
  }

  /** The last screen that was read. */
  get last(): Screen | undefined {
    return this.#last
  }

  /** Its lines, where there is anything to be read. */
  get lines(): readonly string[] | undefined {
    return this.#last === undefined || this.#last.text === '' ? undefined : linesIn(this.#last)
  }

  /** Is called while the screen stays as it is, about once a second. */
  onStill(listener: () => Promise<void>): void {
    this.#onStill = listener
  }

  begin(): void {
    if (this.#timer || this.#isOver) return
    this.#timer = startTimer(this.#period, () => void this.#look())
  }

  /** The last screen, with its picture; resolves at the latest after some seconds. */
  finish(): Promise<void> {
    this.#final ??= this.#finish()
    return this.#final
  }

  end(): void {
    this.#isOver = true
    this.#timer?.clear()
  }

  async #look(): Promise<void> {
    try {
      const searchFonts = this.#isUnread() && this.#searches < FONT_SEARCHES
      if (searchFonts) this.#searches += 1
      const screen = await this.#reader.read({ searchFonts })
      if (this.#isOver) return
      this.#take(screen)
      if (this.#period === PERIOD_MS.most) await this.#onStill?.()
      if (this.#isOver) return
    } catch {
      // QEMU has gone, or answers no more: the guest's end says so.
      return
    }
    this.#timer = startTimer(this.#period, () => void this.#look())
  }

  /** The same picture twice, in which nothing can be read with the fonts that are known. */
  #isUnread(): boolean {
    const screen = this.#last
    return screen?.mode === 'graphics' && this.#period > PERIOD_MS.least && screen.text === ''
  }

  #take(screen: Screen): void {
    const before = this.#last
    this.#last = screen
    const lines = linesIn(screen)
    if (before !== undefined && before.text === screen.text) {
      this.#period = Math.min(this.#period * 2, PERIOD_MS.most)
      this.#show(lines)
      return
    }
    this.#period = PERIOD_MS.least
    if (screen.text !== '') this.#changed(lines)
    // The last line may still be written.
    this.#show(lines.slice(0, -1))
  }

  #show(lines: readonly string[]): void {
    const added = newLines(this.#shown, lines)
    if (added.length === 0) return
    this.#shown = lines
    for (const line of added) for (const listener of this.#onLine) listener(line)
  }

  #changed(lines: readonly string[]): void {
    const own = withoutFirmware(lines)
    for (const listener of this.#onChange) listener(own)
  }

  async #finish(): Promise<void> {
    this.end()
    const reading = this.#reader.read({ withPicture: true, searchFonts: true })
    let late: Timer | undefined
    const isLate = new Promise<undefined>((resolve) => {
      late = startTimer(LAST_MS, () => resolve(undefined))
    })
    const screen = await Promise.race([reading, isLate]).catch(() => undefined)
    late?.clear()
    if (!screen) return
    this.#last = screen
    const lines = linesIn(screen)
    if (lines.length > 0) this.#changed(lines)
    this.#show(lines)
  }
}

const linesIn = ({ text }: Screen) => (text === '' ? [] : text.split('\n'))

/** Names in the folder of a guest. */
export const SCREEN_FILES = { text: 'screen.txt', picture: 'screen.png' } as const

/** Keeps the last screen in the record. */
export function saveScreen(folder: string, { text, png }: Screen): void {
  if (text !== '') writeFileSync(join(folder, SCREEN_FILES.text), `${text}\n`, { mode: OWN_FILE })
  if (png) writeFileSync(join(folder, SCREEN_FILES.picture), png, { mode: OWN_FILE })
}
