/** Does the steps of a kernel's test in a guest, one after another, until one fails. */
import { BringupError } from '../diagnostics.ts'
import { isPlaced, type LoaderText, loaderTextOf } from '../guest/boot-loader-text.ts'
import type { ConsoleMatch } from '../guest/console.ts'
import type { Guest } from '../guest/guest.ts'
import { plain } from '../guest/pass-watch.ts'
import { hasScreen } from '../machine/devices/display.ts'
import { literalPattern } from '../pattern.ts'
import { withoutFirmware } from '../screen/firmware-lines.ts'
import { changedLines } from '../screen/new-lines.ts'
import { type Screen, wordsOn } from '../screen/screen.ts'
import { pause } from '../timer.ts'
import { formatMs } from '../units.ts'
import { GuestTime } from './guest-time.ts'
import { isProof, nameOf, type TestStep } from './steps.ts'

export interface StepResult {
  readonly name: string
  /** `done` of a step that only presses keys: that proves nothing. */
  readonly result: 'passed' | 'done' | 'failed' | 'skipped'
  /** What it got of what it is worth. */
  readonly points: number
  readonly of: number
  /** Time that the guest had for it, in milliseconds. */
  readonly tookMs: number
  /** Where the words were seen. */
  readonly where?: 'console' | 'screen'
  /** Why it failed. */
  readonly because?: string
  /** The last lines of console and screen, of a step that failed. */
  readonly evidence?: readonly string[]
}

/** A look at the console waits so long for what comes. */
const LOOK_MS = 150
/**
 * What the console draws is looked at as a screen, that long after it was drawn, in the guest's time: a menu may be known only by
 * what it draws last.
 */
const DRAWN_MS = 1000

export async function runSteps(
  guest: Guest,
  steps: readonly TestStep[],
  onStep: (result: StepResult) => void = () => {},
): Promise<readonly StepResult[]> {
  const results: StepResult[] = []
  const scene: Scene = { guest, before: [], loader: loaderTextOf(guest.plan.machine.boot) }
  let hasFailed = false
  for (const step of steps) {
    const result: StepResult = hasFailed ? skipped(step) : await runStep(scene, step)
    hasFailed ||= result.result === 'failed'
    results.push(result)
    onStep(result)
  }
  return results
}

/** The guest, and what was on its screen when keys were last pressed: only what came since answers them. */
interface Scene {
  readonly guest: Guest
  before: readonly string[]
  /** What does not count until something is typed. */
  loader: LoaderText | undefined
}

const skipped = (step: TestStep): StepResult => ({ ...pointsOf(step, false), result: 'skipped', tookMs: 0 })

function pointsOf(step: TestStep, isPassed: boolean): Pick<StepResult, 'name' | 'points' | 'of'> {
  const of = 'points' in step ? (step.points ?? 0) : 0
  return { name: nameOf(step), points: isPassed ? of : 0, of }
}

async function runStep(scene: Scene, step: TestStep): Promise<StepResult> {
  const time = new GuestTime(scene.guest.qemu.pid)
  try {
    const where = await act(scene, step, time)
    return {
      ...pointsOf(step, true),
      result: isProof(step) ? 'passed' : 'done',
      tookMs: Math.round(time.passed()),
      ...(where === undefined ? {} : { where }),
    }
  } catch (error) {
    if (!(error instanceof BringupError || error instanceof NotSeen)) throw error
    const first = error instanceof BringupError ? error.diagnostics[0] : undefined
    return {
      ...pointsOf(step, false),
      result: 'failed',
      tookMs: Math.round(time.passed()),
      because: first?.what ?? error.message,
      evidence: await lastWords(scene.guest),
    }
  }
}

async function act(scene: Scene, step: TestStep, time: GuestTime): Promise<StepResult['where']> {
  if ('type' in step || 'keys' in step) {
    scene.before = await screenLines(scene.guest)
    scene.loader = undefined
    if ('keys' in step) await scene.guest.keys(step.keys)
    else scene.guest.console.write(step.type)
    return undefined
  }
  const isScreen = 'screen' in step
  const pattern = new RegExp(
    'match' in step ? step.match : literalPattern(isScreen ? step.screen : step.expect),
  )
  return waitFor(scene, { pattern, timeoutMs: step.timeout, isScreen }, time)
}

interface Awaited {
  readonly pattern: RegExp
  readonly timeoutMs: number
  /** On the screen alone. */
  readonly isScreen: boolean
}

/** Looks at console and screen in turn. */
async function waitFor(
  scene: Scene,
  { pattern, timeoutMs, isScreen }: Awaited,
  time: GuestTime,
): Promise<StepResult['where']> {
  const { guest } = scene
  let drawnAt: number | undefined
  for (;;) {
    const isLate = time.passed() >= timeoutMs
    const seen = isScreen ? undefined : await look(guest.console.expect(pattern, { timeoutMs: LOOK_MS }))
    const isMissing = seen instanceof BringupError
    const by = seen && !isMissing ? printedBy(seen, scene) : undefined
    if (by === 'kernel') return 'console'
    if (by === 'unknown') drawnAt ??= time.passed()
    const isWhole = drawnAt !== undefined && (time.passed() >= drawnAt + DRAWN_MS || guest.hasEnded)
    if (isWhole && isOnScreen(guest.console.tail(), pattern, scene)) return 'console'
    if (isOnScreen(await screenLines(guest), pattern, scene)) return 'screen'
    // A guest that has ended shows nothing more.
    if (isMissing && seen.code === 'CONSOLE_ENDED') throw seen
    const where = isScreen ? 'its screen' : 'it'
    if (guest.hasEnded) throw new NotSeen(`the guest ended before ${where} showed ${pattern}`)
    if (isLate)
      throw new NotSeen(
        `${isScreen ? 'the screen' : 'the guest'} did not show ${pattern} within ${formatMs(timeoutMs)} of the guest’s time`,
      )
    if (isScreen) await pause(LOOK_MS)
  }
}

/** By the line of the match, as far as it was printed: those of loaders are known by their beginning. */
function printedBy({ before, text }: ConsoleMatch, { loader }: Scene): 'kernel' | 'loader' | 'unknown' {
  if (!loader) return 'kernel'
  const line = `${before.slice(before.lastIndexOf('\n') + 1)}${text}`
  if (isPlaced(line)) return 'unknown'
  return loader.without(plain(line)) === '' ? 'loader' : 'kernel'
}

function isOnScreen(screen: readonly string[], pattern: RegExp, { before, loader }: Scene): boolean {
  if (loader?.showsMenu(screen)) return false
  const lines = withoutFirmware(changedLines(before, screen))
  return (loader ? lines.map(loader.without) : lines).some((line) => line !== '' && pattern.test(line))
}

/** No finding of its own: the report names the step, and the screen is its evidence. */
class NotSeen extends Error {}

/** What was seen, else why nothing was. */
async function look(seen: Promise<ConsoleMatch>): Promise<ConsoleMatch | BringupError> {
  try {
    return await seen
  } catch (error) {
    if (error instanceof BringupError) return error
    throw error
  }
}

/** Nothing without a display, and of a guest that has ended. */
async function screenOf(guest: Guest): Promise<Screen | undefined> {
  if (!hasScreen(guest.plan.machine)) return undefined
  return guest.screen.expect('', { timeoutMs: 0 }).catch(() => undefined)
}

async function screenLines(guest: Guest): Promise<readonly string[]> {
  const screen = await screenOf(guest)
  return screen === undefined || screen.text === '' ? [] : screen.text.split('\n')
}

async function lastWords(guest: Guest): Promise<readonly string[]> {
  const screen = await screenOf(guest)
  const lines = screen === undefined ? [] : wordsOn(screen)
  return [
    ...guest.console.tail(),
    ...(lines.length === 0 ? [] : ['the screen shows:', ...lines.map((line) => `  ${line}`)]),
  ]
}
