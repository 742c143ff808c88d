/** Follows what a guest draws: new lines for those who watch, and the last screen for the record. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GroupActivity } from '../host/process-group.ts'
import { OWN_FILE } from '../own-files.ts'
import { withoutFirmware } from '../screen/firmware-lines.ts'
import { newLines } from '../screen/new-lines.ts'
import type { ScreenReader } from '../screen/read-screen.ts'
import { type Screen, wordsOn } from '../screen/screen.ts'
import { startTimer, type Timer } from '../timer.ts'

/** A screen that changes is read that often, one that does not more and more rarely. */
const PERIOD_MS = { least: 250, most: 1000 }
/** The last reading is given up when neither it nor QEMU has done anything for so long. */
const SILENT_MS = 5000

/** A guest that computes forever keeps QEMU busy, which may be stuck all the same. */
const MOST_WAITS = 12
/** Of a clock tick in /proc: USER_HZ is 100 on all architectures of QEMU. */
const TICK_MS = 10

export class ScreenWatch {
  readonly #reader: Pick<ScreenReader, 'read' | 'progress'>
  readonly #activity: () => GroupActivity
  #ticks = 0
  readonly #onChange: ((lines: readonly string[]) => void)[] = []
  readonly #onLine: ((line: string) => void)[] = []
  #onStill: (() => Promise<void>) | undefined
  #last: Screen | undefined
  #shown: readonly string[] = []
  #period: number = PERIOD_MS.least
  #timer: Timer | undefined
  #isOver = false
  #final: Promise<void> | undefined

  /** @param activity Of QEMU: a guest that gets no CPU time has no time to draw. */
  constructor(reader: Pick<ScreenReader, 'read' | 'progress'>, activity: () => GroupActivity) {
    this.#reader = reader
    this.#activity = activity
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

  /** Its lines, or what kept them from being read; undefined where nothing is drawn. */
  get lines(): readonly string[] | undefined {
    if (this.#last === undefined || this.#last.isBlank) return undefined
    const hint =
      this.#last.text === '' ? [`the picture is ${SCREEN_FILES.picture} in the folder of the guest`] : []
    return [...wordsOn(this.#last), ...hint]
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
      const hadTime = this.#hadTime()
      const screen = await this.#reader.read({ searchFonts: this.#isUnread() && 'seldom' })
      if (this.#isOver) return
      this.#take(screen, hadTime)
      if (this.#period === PERIOD_MS.most) await this.#onStill?.()
      if (this.#isOver) return
    } catch {
      // QEMU has gone, or answers no more: the guest's end says so.
      return
    }
    this.#timer = startTimer(this.#period, () => void this.#look())
  }

  /** The same picture twice, in which nothing can be read with the fonts that are known, or not all. */
  #isUnread(): boolean {
    const screen = this.#last
    if (screen?.mode !== 'graphics' || this.#period === PERIOD_MS.least) return false
    return screen.text === '' || screen.unread * 10 > screen.text.replaceAll(/\s/g, '').length
  }

  /** Since the last look, the guest has waited, or computed for half of the time at least. */
  #hadTime(): boolean {
    const { isBusy, ticks } = this.#activity()
    const hadTime = !isBusy || (ticks - this.#ticks) * TICK_MS >= this.#period / 2
    if (hadTime) this.#ticks = ticks
    return hadTime
  }

  #take(screen: Screen, hadTime: boolean): void {
    const before = this.#last
    this.#last = screen
    const lines = linesIn(screen)
    if (before !== undefined && before.text === screen.text) {
      if (!hadTime) return
      // Who writes letter by letter pauses between them.
      this.#show(this.#period === PERIOD_MS.most ? lines : lines.slice(0, -1))
      this.#period = Math.min(this.#period * 2, PERIOD_MS.most)
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
    // A picture beside words has shapes that no font has.
    const words = added.filter((line) => !/^[\s\ufffd]*$/.test(line) || line === '')
    for (const line of words) for (const listener of this.#onLine) listener(line)
  }

  #changed(lines: readonly string[]): void {
    const own = withoutFirmware(lines)
    for (const listener of this.#onChange) listener(own)
  }

  /** Differs as long as the reading goes on, or QEMU gets CPU time. */
  #doneSoFar(): string {
    return `${this.#reader.progress} ${this.#activity().ticks}`
  }

  async #finish(): Promise<void> {
    this.end()
    const reading = this.#reader.read({ withPicture: true, searchFonts: true })
    let late: Timer | undefined
    const isSilent = new Promise<undefined>((resolve) => {
      const wait = (before: string, times: number) => {
        late = startTimer(SILENT_MS, () => {
          const now = this.#doneSoFar()
          if (now === before || times === MOST_WAITS) resolve(undefined)
          else wait(now, times + 1)
        })
      }
      wait(this.#doneSoFar(), 1)
    })
    const screen = await Promise.race([reading, isSilent]).catch(() => undefined)
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
