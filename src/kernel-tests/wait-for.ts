/** Waits until a guest shows what a step of a kernel's test expects, on its console or its screen. */
import { BringupError } from '../diagnostics.ts'
import { isPlaced, type LoaderText } from '../guest/boot-loader-text.ts'
import type { ConsoleMatch } from '../guest/console.ts'
import type { Guest } from '../guest/guest.ts'
import { isHaltedForGood } from '../guest/halted.ts'
import { plain } from '../guest/pass-watch.ts'
import { hasScreen } from '../machine/devices/display.ts'
import { gdbServerOf } from '../machine/devices/gdb.ts'
import { MORE, patternText } from '../pattern.ts'
import { withoutFirmware } from '../screen/firmware-lines.ts'
import { changedLines } from '../screen/new-lines.ts'
import type { Screen } from '../screen/screen.ts'
import { pause } from '../timer.ts'
import { formatMs } from '../units.ts'
import { type ConsoleEcho, type Kind, withoutEcho } from './echo.ts'
import type { GuestTime } from './guest-time.ts'

/** A look at the console waits so long for what comes. */
const LOOK_MS = 150
/**
 * What the console draws is looked at as a screen, that long after it was drawn, in the guest's time: a menu may be known only by
 * what it draws last.
 */
const DRAWN_MS = 1000
/** What may be the beginning of an echo is one no more, that long after it came, in the guest's time. */
const ECHO_MS = 1000
/** So often, in the guest's time, the CPUs are looked at. */
const CPUS_MS = 1000

/** The guest, and what was on its screen when keys were last pressed: only what came since answers them. */
export interface Scene {
  readonly guest: Guest
  before: readonly string[]
  /** The same of a console that draws. */
  drawnBefore: readonly string[]
  /** What does not count until something is typed. */
  loader: LoaderText | undefined
  readonly echo: ConsoleEcho
  /** What was typed since, where it is drawn. */
  drawnEcho: readonly string[]
  /** What met a step since, on either place: a kernel may show it on the other one too, which is the same message. */
  shown: readonly Shown[]
}

interface Shown {
  readonly line: string
  /** Source of the pattern that it met. */
  readonly pattern: string
  readonly where: 'console' | 'screen'
}

export interface Awaited {
  readonly pattern: RegExp
  readonly timeoutMs: number
  /** On the screen alone. */
  readonly isScreen: boolean
  readonly countsEcho: boolean
  /** A menu of a boot loader will do. */
  readonly isBeforeKeys: boolean
}

/** Looks at console and screen in turn. */
export async function waitFor(
  scene: Scene,
  awaited: Awaited,
  time: GuestTime,
): Promise<'console' | 'screen' | 'menu'> {
  const { guest } = scene
  const { isScreen } = awaited
  const look = consoleLook(scene, awaited, time)
  const isHalted = haltWatch(guest, time)
  for (;;) {
    // Both before the last look: what comes until then counts.
    const isLate = time.passed() >= awaited.timeoutMs
    const isOver = await isHalted()
    const seen = isScreen ? undefined : await look(() => isOver || guest.hasEnded)
    if (seen === 'found') return 'console'
    const screen = await screenLines(guest)
    const line = lineOnScreen(screen, awaited, scene)
    if (line !== undefined) {
      if (!isScreen) remember(scene, awaited, line, 'screen')
      return 'screen'
    }
    const isMenu = isOfLoader(isScreen ? screen : [...screen, ...guest.console.tail()], awaited, scene)
    if (isMenu && awaited.isBeforeKeys) return 'menu'
    // A guest that has ended shows nothing more.
    const wanted = patternText(awaited.pattern.source)
    if (seen instanceof BringupError && seen.code === 'CONSOLE_ENDED')
      throw new NotSeen(seen.diagnostics[0]?.what.replace(`${awaited.pattern}`, () => wanted))
    const where = isScreen ? 'its screen' : 'it'
    if (guest.hasEnded) throw new NotSeen(`the guest ended before ${where} showed ${wanted}`)
    if (isOver) throw new NotSeen(`the guest halted with interrupts off before ${where} showed ${wanted}`)
    if (isLate) throw new NotSeen(lateText(awaited, seen === 'echo' ? ECHO : isMenu ? MENU : ''))
    if (isScreen) await pause(LOOK_MS)
  }
}

const ECHO = ', except as the echo of what was typed'
const MENU =
  ', except in words of firmware or a boot loader, which count only for a step without points right before keys are pressed'

function lateText({ pattern, timeoutMs, isScreen }: Awaited, except: string): string {
  return `${isScreen ? 'the screen' : 'the guest'} did not show ${patternText(pattern.source)} within ${formatMs(timeoutMs)} of the guest’s time${except}`
}

/** Whether firmware or a boot loader shows the words. */
function isOfLoader(lines: readonly string[], { pattern }: Awaited, { loader }: Scene): boolean {
  if (!loader) return false
  const words = lines.map(plain).filter((line) => pattern.test(line))
  return words.some((line) => loader.without(line) === '') || (words.length > 0 && loader.showsMenu(lines))
}

/** Nothing can come any more. gdb may wake a guest that halts. */
function haltWatch(guest: Guest, time: GuestTime): () => Promise<boolean> {
  if (gdbServerOf(guest.plan.machine) !== undefined) return async () => false
  let next = CPUS_MS
  return async () => {
    if (guest.hasEnded || time.passed() < next) return false
    next = time.passed() + CPUS_MS
    return isHaltedForGood(guest.qemu.qmp).catch(() => false)
  }
}

type Look = 'found' | 'echo' | 'nothing' | BringupError

/** Looks at the console for a moment. `isLast`: nothing comes after what is there. */
function consoleLook(
  scene: Scene,
  awaited: Awaited,
  time: GuestTime,
): (isLast: () => boolean) => Promise<Look> {
  const { console } = scene.guest
  let drawnAt: number | undefined
  let unsure: { readonly match: ConsoleMatch; readonly at: number } | undefined
  let isEcho = false
  const take = async (match: ConsoleMatch, at: number, isLast: () => boolean): Promise<boolean> => {
    const end = endOf(match, awaited, console.text)
    unsure = undefined
    if (end === 'elsewhere') return false
    const own = awaited.countsEcho ? 'answer' : await judged(match, awaited.pattern, scene)
    const kind = own === 'answer' && end === 'open' ? 'unsure' : own
    const isUnsure = kind === 'unsure' && time.passed() < at + ECHO_MS && !isLast()
    unsure = isUnsure ? { match, at } : undefined
    if (isUnsure) return false
    scene.echo.use(match, console.text)
    if (kind === 'echo') isEcho = true
    if (kind === 'echo' || wasOnScreen(scene, awaited, lineOf(match))) return false
    remember(scene, awaited, lineOf(match), 'console')
    return true
  }
  return async (isLast) => {
    if (unsure) {
      await pause(LOOK_MS)
      return (await take(unsure.match, unsure.at, isLast)) ? 'found' : 'nothing'
    }
    const seen = await lookOnce(console.expect(awaited.pattern, { timeoutMs: LOOK_MS }))
    const isMissing = seen instanceof BringupError
    const by = isMissing ? undefined : printedBy(seen, scene)
    if (by === 'kernel' && !isMissing && (await take(seen, time.passed(), isLast))) return 'found'
    if (by === 'unknown') drawnAt ??= time.passed()
    const isWhole = drawnAt !== undefined && (time.passed() >= drawnAt + DRAWN_MS || isLast())
    if (isWhole && lineOnScreen(console.tail(), awaited, scene) !== undefined) return 'found'
    if (isMissing && seen.code === 'CONSOLE_ENDED') return seen
    return isEcho ? 'echo' : 'nothing'
  }
}

/** On a console that draws, by the lines that have changed since the typing. */
async function judged(
  match: ConsoleMatch,
  pattern: RegExp,
  { guest, echo, drawnBefore, drawnEcho }: Scene,
): Promise<Kind> {
  const { console } = guest
  if (!console.isDrawn || !drawnEcho.some((piece) => pattern.test(piece)))
    return echo.judge(match, console.text, pattern)
  // What was matched may not be drawn yet.
  await console.settled()
  const lines = withoutEcho(changedLines(drawnBefore, console.tail()), drawnEcho, pattern)
  return lines.some((line) => pattern.test(line)) ? 'answer' : 'echo'
}

/** The line of a match, as far as it was printed. */
const lineOf = ({ before, text }: ConsoleMatch) => `${before.slice(before.lastIndexOf('\n') + 1)}${text}`

/** Of a match that needs the end of its line: whether the line has ended there, may yet go on, or has gone on. */
function endOf(match: ConsoleMatch, { pattern }: Awaited, unread: string): 'there' | 'open' | 'elsewhere' {
  if (pattern.test(`${lineOf(match)}${MORE}`) || /^\s*\n/.test(unread)) return 'there'
  return /^\r?$/.test(unread) ? 'open' : 'elsewhere'
}

const words = (line: string) => plain(line).trim()

function remember(scene: Scene, { pattern }: Awaited, line: string, where: Shown['where']): void {
  scene.shown = [...scene.shown, { line: words(line), pattern: pattern.source, where }]
}

/** Whether the screen had met a step with that line before the console showed it. One line answers for one. */
function wasOnScreen(scene: Scene, { pattern }: Awaited, line: string): boolean {
  const drawn = scene.shown.find(
    (one) => one.where === 'screen' && one.pattern === pattern.source && one.line.startsWith(words(line)),
  )
  scene.shown = scene.shown.filter((one) => one !== drawn)
  return drawn !== undefined
}

/** Without one line of the screen for each with which the console met the same pattern before. */
function withoutShown(
  lines: readonly string[],
  shown: readonly Shown[],
  { source }: RegExp,
): readonly string[] {
  const left = shown.filter(({ where, pattern }) => where === 'console' && pattern === source)
  return lines.filter((line) => {
    const at = left.findIndex((one) => words(line).startsWith(one.line))
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

/** Those of loaders are known by their beginning. */
function printedBy(match: ConsoleMatch, { loader }: Scene): 'kernel' | 'loader' | 'unknown' {
  if (!loader) return 'kernel'
  const line = lineOf(match)
  if (isPlaced(line)) return 'unknown'
  return loader.without(plain(line)) === '' ? 'loader' : 'kernel'
}

function lineOnScreen(
  screen: readonly string[],
  { pattern, countsEcho, isScreen }: Pick<Awaited, 'pattern' | 'countsEcho' | 'isScreen'>,
  { before, loader, drawnEcho, shown }: Scene,
): string | undefined {
  if (loader?.showsMenu(screen)) return undefined
  const drawn = withoutFirmware(changedLines(before, screen))
  // A step that asks for the screen asks whether the message is drawn too.
  const changed = isScreen ? drawn : withoutShown(drawn, shown, pattern)
  const lines = countsEcho ? changed : withoutEcho(changed, drawnEcho, pattern)
  return (loader ? lines.map(loader.without) : lines).find((line) => line !== '' && pattern.test(line))
}

/** No finding of its own: the report names the step, and the screen is its evidence. */
export class NotSeen extends Error {}

/** What was seen, else why nothing was. */
async function lookOnce(seen: Promise<ConsoleMatch>): Promise<ConsoleMatch | BringupError> {
  try {
    return await seen
  } catch (error) {
    if (error instanceof BringupError) return error
    throw error
  }
}

/** Nothing without a display, and of a guest that has ended. */
export async function screenOf(guest: Guest): Promise<Screen | undefined> {
  if (!hasScreen(guest.plan.machine)) return undefined
  return guest.screen.expect('', { timeoutMs: 0 }).catch(() => undefined)
}

export async function screenLines(guest: Guest): Promise<readonly string[]> {
  const screen = await screenOf(guest)
  return screen === undefined || screen.text === '' ? [] : screen.text.split('\n')
}
