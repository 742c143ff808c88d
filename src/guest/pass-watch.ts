/**
 * Watches the console for the text that proves a pass. The text is the guest's and the patterns are the user's, so that
 * only the beginning of a line is looked at, and a search that does not end is ended.
 */
import { createContext, Script } from 'node:vm'
import { defineDiagnostics } from '../diagnostics.ts'
import { visible } from '../guest-text.ts'
import { MORE } from '../pattern.ts'
import { plural } from '../plural.ts'
import type { Timer } from '../timer.ts'
import { createDrawnTest, type LoaderText } from './boot-loader-text.ts'
import type { Console } from './console.ts'
import type { Ending } from './ending.ts'
import type { ScreenWatch } from './screen-watch.ts'

export const problems = defineDiagnostics({
  PASS_PATTERN_SLOW: {
    severity: 'warning',
    title: 'A pattern that means success takes too long to search for.',
    why: 'a regular expression such as (a+)+$ takes exponential time on some lines; the search was given up',
    remedy: 'write the pattern without a repetition inside of a repetition, or use --until with plain text',
  },
})

/** What of a line is searched, in characters. */
const LONGEST_LINE = 4096
/** What searching the lines of one chunk may take. */
const SEARCH_MS = 500

type Shown = NonNullable<Ending['shown']>

export interface PassWatchOptions {
  readonly patterns: readonly string[]
  /** Of the machine. */
  readonly loader: LoaderText
  /** What is shown before the command of the run begins does not count. */
  readonly isEarly?: () => boolean
  /** Nothing that is shown after a crash is a pass. */
  readonly hasCrashed: () => boolean
  readonly onShown: (shown: Shown) => void
  /** Calls back when the guest has had time to draw on, or waits. */
  readonly onceDrawn: (then: () => void) => Timer
  /** The search was given up. */
  readonly onSlow: (line: string) => void
}

/**
 * Calls back once, when the first line matches. An unfinished line counts: a prompt has no end. A match that needs its end
 * counts once the guest had time to go on with it. What was printed before the
 * guest was saved does not, nor do menus and messages of boot loaders (`boot-loader-text.ts`). A menu is known by words that
 * may be drawn last, so that a match on a screen counts once the guest had time to draw on, or has ended.
 *
 * @returns the match that awaits this when the guest ends
 */
export function watchForPass(
  console: Pick<Console, 'onLine' | 'onUnfinished' | 'onDrawn' | 'isReplaying'>,
  options: PassWatchOptions,
  screen?: Pick<ScreenWatch, 'onChange'>,
): () => Shown | undefined {
  const search = createSearch(options.patterns)
  const { loader } = options
  const isEarly = () => console.isReplaying || options.isEarly?.() === true
  let lines: Line[] = []
  let finished = 0
  let isDone = options.patterns.length === 0
  if (isDone) return () => undefined
  let awaited: { readonly shown: Shown; readonly timer: Timer; readonly isOfRest: boolean } | undefined
  const howPrinted = createDrawnTest()
  const take = (raw: string, isUnfinished = false): Line => {
    const how = howPrinted(raw, isUnfinished)
    const text = how === 'drawn' ? '' : loader.without(plain(raw))
    return how === 'placed' ? { text: '', placed: text } : { text, placed: '' }
  }
  const awaitDrawn = (shown: Shown, isOfRest = false) => {
    const timer = options.onceDrawn(() => {
      awaited = undefined
      if (isDone || options.hasCrashed()) return
      isDone = true
      options.onShown(shown)
    })
    awaited = { shown, timer, isOfRest }
  }
  console.onLine((line) => {
    const taken = take(line)
    if (!isDone && !options.hasCrashed()) lines.push(taken)
  })
  console.onUnfinished((rest) => {
    if (isDone) return
    if (awaited?.isOfRest) {
      // The line goes on, or has ended.
      awaited.timer.clear()
      awaited = undefined
    }
    const begin = finished
    finished += lines.length
    if (isEarly()) {
      lines = []
      return
    }
    const open = options.hasCrashed() || rest === '' ? undefined : take(rest, true)
    const all = open ? [...lines, open] : lines
    lines = []
    const texts = all.map(({ text }) => text)
    const found = search(texts.map((text, i) => (open && i === texts.length - 1 ? `${text}${MORE}` : text)))
    if (found === undefined) {
      const cut = open && search([open.text])
      if (!awaited && cut && 'text' in cut)
        awaitDrawn({ text: visible(cut.text), line: begin + all.length }, true)
      const placed = all.some((line) => line.placed !== '') && search(all.map((line) => line.placed))
      if (!awaited && placed && 'text' in placed)
        awaitDrawn({ text: visible(placed.text), line: begin + placed.index + 1 })
      return
    }
    isDone = true
    if ('text' in found)
      options.onShown({ text: visible(found.text.replace(MORE, '')), line: begin + found.index + 1 })
    else
      options.onSlow(`${plural(all.length, 'line')} could not be searched to the end within ${SEARCH_MS} ms`)
  })
  const searchScreen = (all: readonly string[], isOnScreen: boolean, early: Set<string>) => {
    if (isEarly() || loader.showsMenu(all)) {
      for (const line of all) early.add(line)
      awaited?.timer.clear()
      awaited = undefined
      return
    }
    if (isDone || awaited || options.hasCrashed()) return
    const found = search(all.map((line) => (early.has(line) ? '' : loader.without(line))))
    if (found === undefined || !('text' in found)) return
    const place = { text: visible(found.text), line: found.index + 1 }
    const shown = isOnScreen ? { ...place, isOnScreen } : place
    awaitDrawn(shown)
  }
  const [drawnEarly, shownEarly] = [new Set<string>(), new Set<string>()]
  console.onDrawn((all) => searchScreen(all, false, drawnEarly))
  screen?.onChange((all) => searchScreen(all, true, shownEarly))
  return () => {
    awaited?.timer.clear()
    return isDone || options.hasCrashed() ? undefined : awaited?.shown
  }
}

/** `placed`: begun with a few places of the cursor, perhaps by a menu. */
interface Line {
  readonly text: string
  readonly placed: string
}

type Found = { readonly text: string; readonly index: number } | { readonly isSlow: true }

/** A script in a context of its own is the only way to end a regular expression that backtracks forever. */
function createSearch(patterns: readonly string[]): (lines: readonly string[]) => Found | undefined {
  const context = createContext({ patterns: patterns.map((source) => new RegExp(source)), lines: [] })
  const script = new Script(`
    (() => {
      for (let index = 0; index < lines.length; index++)
        for (const pattern of patterns) {
          const match = pattern.exec(lines[index])
          if (match) return { text: match[0], index }
        }
    })()`)
  return (lines) => {
    if (lines.length === 0) return undefined
    context.lines = lines
    try {
      return script.runInContext(context, { timeout: SEARCH_MS }) as Found | undefined
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
      return { isSlow: true }
    }
  }
}

/** Without colours, cursor movements and control characters, as a reader sees it. */
export function plain(line: string): string {
  return (
    line
      .slice(0, LONGEST_LINE)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is removed
      .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g, '')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: so are control characters
      .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '')
  )
}
