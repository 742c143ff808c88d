/** Does the steps of a kernel's test in a guest, one after another, until one fails. */
import { BringupError } from '../diagnostics.ts'
import type { Guest } from '../guest/guest.ts'
import { hasScreen } from '../machine/devices/display.ts'
import { literalPattern } from '../pattern.ts'
import { formatMs } from '../units.ts'
import { GuestTime } from './guest-time.ts'
import { nameOf, type TestStep } from './steps.ts'

export interface StepResult {
  readonly name: string
  readonly result: 'passed' | 'failed' | 'skipped'
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

export async function runSteps(
  guest: Guest,
  steps: readonly TestStep[],
  onStep: (result: StepResult) => void = () => {},
): Promise<readonly StepResult[]> {
  const results: StepResult[] = []
  let hasFailed = false
  for (const step of steps) {
    const result: StepResult = hasFailed ? skipped(step) : await runStep(guest, step)
    hasFailed ||= result.result === 'failed'
    results.push(result)
    onStep(result)
  }
  return results
}

const skipped = (step: TestStep): StepResult => ({ ...pointsOf(step, false), result: 'skipped', tookMs: 0 })

const pointsOf = (step: TestStep, isPassed: boolean) => ({
  name: nameOf(step),
  points: isPassed ? (step.points ?? 0) : 0,
  of: step.points ?? 0,
})

async function runStep(guest: Guest, step: TestStep): Promise<StepResult> {
  const time = new GuestTime(guest.qemu.pid)
  try {
    const where = await act(guest, step, time)
    return {
      ...pointsOf(step, true),
      result: 'passed',
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
      evidence: await lastWords(guest),
    }
  }
}

async function act(guest: Guest, step: TestStep, time: GuestTime): Promise<StepResult['where']> {
  if ('type' in step) return void guest.console.write(step.type)
  if ('keys' in step) return void (await guest.keys(step.keys))
  const within = { timeoutMs: step.timeout, time }
  if ('screen' in step)
    return await waitFor(guest, new RegExp(literalPattern(step.screen)), { ...within, isScreen: true })
  const pattern = new RegExp('match' in step ? step.match : literalPattern(step.expect))
  return await waitFor(guest, pattern, { ...within, isScreen: false })
}

/** Looks at console and screen in turn. */
async function waitFor(
  guest: Guest,
  pattern: RegExp,
  {
    timeoutMs,
    time,
    isScreen,
  }: { readonly timeoutMs: number; readonly time: GuestTime; readonly isScreen: boolean },
): Promise<StepResult['where']> {
  const draws = isScreen || hasScreen(guest.plan.machine)
  for (;;) {
    const isLate = time.passed() >= timeoutMs
    const misses: BringupError[] = []
    if (!isScreen) {
      const miss = await missing(guest.console.expect(pattern, { timeoutMs: LOOK_MS }))
      if (miss === undefined) return 'console'
      misses.push(miss)
    }
    if (draws) {
      const miss = await missing(guest.screen.expect(pattern, { timeoutMs: isScreen ? LOOK_MS : 0 }))
      if (miss === undefined) return 'screen'
      misses.push(miss)
    }
    const [first] = misses
    // A guest that has ended shows nothing more.
    const hasEnded = misses.every(({ code }) => code === 'CONSOLE_ENDED' || code === 'SCREEN_ENDED')
    if (first && hasEnded) throw first
    if (isLate) throw new NotSeen(pattern, timeoutMs, draws)
  }
}

/** No finding of its own: the report names the step, and the screen is its evidence. */
class NotSeen extends Error {
  constructor(pattern: RegExp, timeoutMs: number, draws: boolean) {
    const where = draws ? 'neither console nor screen' : 'the console never'
    super(`${where} showed ${pattern} within ${formatMs(timeoutMs)} of the guest's time`)
  }
}

/** Undefined once it was seen, else why not. */
async function missing(seen: Promise<unknown>): Promise<BringupError | undefined> {
  try {
    await seen
    return undefined
  } catch (error) {
    if (error instanceof BringupError) return error
    throw error
  }
}

async function lastWords(guest: Guest): Promise<readonly string[]> {
  const { text } = hasScreen(guest.plan.machine)
    ? await guest.screen().catch(() => ({ text: '' }))
    : { text: '' }
  return [
    ...guest.console.tail(),
    ...(text === '' ? [] : ['the screen shows:', ...text.split('\n').map((line) => `  ${line}`)]),
  ]
}
