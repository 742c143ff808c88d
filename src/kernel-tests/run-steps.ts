/** Does the steps of a kernel's test in a guest, one after another, until one fails. */
import { BringupError } from '../diagnostics.ts'
import { loaderTextOf } from '../guest/boot-loader-text.ts'
import type { Guest } from '../guest/guest.ts'
import { literalPattern } from '../pattern.ts'
import { wordsOn } from '../screen/screen.ts'
import { ConsoleEcho, keyPieces, typedPieces } from './echo.ts'
import { GuestTime } from './guest-time.ts'
import { isProof, nameOf, type TestStep } from './steps.ts'
import { NotSeen, type Scene, screenLines, screenOf, waitFor } from './wait-for.ts'

export interface StepResult {
  readonly name: string
  /** `done` of a step that proves nothing: it presses keys, or waits for the menu in which they are pressed. */
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

export async function runSteps(
  guest: Guest,
  steps: readonly TestStep[],
  onStep: (result: StepResult) => void = () => {},
): Promise<readonly StepResult[]> {
  const results: StepResult[] = []
  const loader = loaderTextOf(guest.plan.machine.boot)
  const scene: Scene = {
    guest,
    before: [],
    drawnBefore: [],
    loader,
    echo: new ConsoleEcho(),
    drawnEcho: [],
    shown: [],
  }
  let hasFailed = false
  for (const [at, step] of steps.entries()) {
    const isBeforeKeys = waitsForMenu(steps, at)
    const result: StepResult = hasFailed ? skipped(step) : await runStep(scene, step, isBeforeKeys)
    hasFailed ||= result.result === 'failed'
    results.push(result)
    onStep(result)
  }
  return results
}

const skipped = (step: TestStep): StepResult => ({ ...pointsOf(step, false), result: 'skipped', tookMs: 0 })

function pointsOf(step: TestStep, isPassed: boolean): Pick<StepResult, 'name' | 'points' | 'of'> {
  const of = 'points' in step ? (step.points ?? 0) : 0
  return { name: nameOf(step), points: isPassed ? of : 0, of }
}

async function runStep(scene: Scene, step: TestStep, isBeforeKeys: boolean): Promise<StepResult> {
  const time = new GuestTime(scene.guest.qemu.pid)
  try {
    const where = await act(scene, step, { time, isBeforeKeys })
    const isProven = isProof(step) && where !== 'menu'
    return {
      ...pointsOf(step, true),
      result: isProven ? 'passed' : 'done',
      tookMs: Math.round(time.passed()),
      ...(where === undefined || where === 'menu' ? {} : { where }),
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

type Where = StepResult['where'] | 'menu'

async function act(
  scene: Scene,
  step: TestStep,
  { time, isBeforeKeys }: { readonly time: GuestTime; readonly isBeforeKeys: boolean },
): Promise<Where> {
  if ('type' in step || 'keys' in step) {
    await enter(scene, step)
    return undefined
  }
  const isScreen = 'screen' in step
  const pattern = new RegExp(
    'match' in step ? step.match : literalPattern(isScreen ? step.screen : step.expect),
  )
  const countsEcho = step.echo === true
  return waitFor(scene, { pattern, timeoutMs: step.timeout, isScreen, countsEcho, isBeforeKeys }, time)
}

async function enter(
  scene: Scene,
  step: Extract<TestStep, { type: string } | { keys: unknown }>,
): Promise<void> {
  const { console } = scene.guest
  scene.before = await screenLines(scene.guest)
  scene.drawnBefore = console.isDrawn ? console.tail() : []
  scene.loader = undefined
  scene.shown = []
  if ('keys' in step) {
    scene.drawnEcho = keyPieces(step.keys)
    // A kernel may show its keys on the console too.
    for (const piece of scene.drawnEcho) scene.echo.type(piece, console.text)
    await scene.guest.keys(step.keys)
  } else {
    scene.drawnEcho = typedPieces(step.type)
    scene.echo.type(step.type, console.text)
    console.write(step.type)
  }
}

/** What keys are pressed in may be a menu: they come next, and a later step has to show what came of them. */
function waitsForMenu(steps: readonly TestStep[], at: number): boolean {
  const [step, next, ...later] = steps.slice(at)
  const isWorthPoints = step !== undefined && 'points' in step && (step.points ?? 0) > 0
  return !isWorthPoints && next !== undefined && !isProof(next) && later.some(isProof)
}

async function lastWords(guest: Guest): Promise<readonly string[]> {
  const screen = await screenOf(guest)
  const lines = screen === undefined ? [] : wordsOn(screen)
  return [
    ...guest.console.tail(),
    ...(lines.length === 0 ? [] : ['the screen shows:', ...lines.map((line) => `  ${line}`)]),
  ]
}
