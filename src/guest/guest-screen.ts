/** `guest.screen` and `guest.keys`: what a person in front of the machine would see and do. */
import { callSite } from '../call-site.ts'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { processActivity } from '../host/process-group.ts'
import { type DisplayCard, displayCards, hasOtherKeyboard, hasScreen } from '../machine/devices/display.ts'
import { gdbServerOf } from '../machine/devices/gdb.ts'
import { viewOf } from '../machine/machine.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { QmpClient } from '../qemu/qmp.ts'
import { QmpEnded } from '../qemu/qmp.ts'
import { ScreenReader, type ScreenSource } from '../screen/read-screen.ts'
import { type Screen, wordsOn } from '../screen/screen.ts'
import { pause } from '../timer.ts'
import { isHaltedForGood } from './halted.ts'
import type { GuestOptions } from './options.ts'
import { type Keyboard, type KeyOptions, keysEnded, pressKeys } from './press-keys.ts'
import { ScreenWatch } from './screen-watch.ts'

export const problems = defineDiagnostics({
  SCREEN_NO_MATCH: {
    title: 'The screen did not show a text in time.',
    why: 'the wait for text on the guest’s screen has a deadline',
    remedy: 'compare the screen with the text, or raise `timeoutMs`',
  },
  SCREEN_ENDED: {
    title: 'The guest ended before its screen showed a text.',
    why: 'nothing more is drawn once the guest has ended',
    remedy: 'look at the result of the run: `bringup runs show last`',
  },
  SCREEN_DISPLAY_UNKNOWN: {
    title: 'The machine has no such display.',
    why: 'a display has the id of its card; further outputs of a card follow behind a colon',
    remedy:
      'name one of those it has; a card among `qemuArgs` gets its name by id: `-device secondary-vga,id=second`',
  },
})

/** Which of several displays. */
export interface ScreenOptions {
  /**
   * Id of its card, and which output of it after a colon: `second`, `gpu:1`. The card of `display` is `display`. The card
   * with VGA if absent, else the first one.
   */
  readonly display?: string
}

/** The screen of a guest, and waiting for what it shows. */
export interface GuestScreen {
  /**
   * What the screen shows now, with its picture. The guest stands still for some milliseconds. Works without a display
   * too: the content of 0xb8000 is read then.
   *
   * @param options.display Of several displays, the one that is read.
   * @throws BringupError `SCREEN_ENDED`, `SCREEN_DISPLAY_UNKNOWN`
   * @example
   * const { text, mode, png } = await guest.screen()
   * const second = await guest.screen({ display: 'second' })
   */
  (options?: ScreenOptions): Promise<Screen>
  /**
   * Waits until the screen shows a text. A regular expression is tried on each line.
   *
   * @param options.timeoutMs 30,000 unless told.
   * @param options.display Of several displays, the one that is read.
   * @throws BringupError `SCREEN_NO_MATCH` at the deadline, `SCREEN_ENDED` when the guest ends first,
   *   `SCREEN_DISPLAY_UNKNOWN`
   * @example
   * await guest.screen.expect('login:')
   */
  expect(pattern: string | RegExp, options?: ScreenOptions & { readonly timeoutMs?: number }): Promise<Screen>
}

/** Access to the screen of a guest, and the watch over it where the machine has a display. */
export interface Screens {
  readonly screen: GuestScreen
  readonly watch: ScreenWatch | undefined
  keys(keys: string | readonly string[], options?: KeyOptions): Promise<void>
}

const LOOK_MS = 100

export interface ScreensOptions extends Pick<GuestOptions, 'onScreenLine' | 'endsWhenHalted'> {
  /** Of the guest's record. */
  readonly folder: string
  /** Why the guest has ended. */
  readonly reason: () => string
  /** QEMU's process. */
  readonly pid: number
  /** Nothing more can happen in the guest. */
  readonly onHalted: () => void
}

export function openScreens(
  plan: GuestPlan,
  qmp: QmpClient,
  { folder, pid, reason, onHalted, onScreenLine, endsWhenHalted = false }: ScreensOptions,
): Screens {
  const { ramBytes, cpus } = viewOf(plan.name, plan.machine)
  // A stop by QMP reaches gdb as one of the guest (gdb_vm_state_change in gdbstub.c): with a server for gdb the guest runs on.
  const mayStop = gdbServerOf(plan.machine) === undefined
  const main = mainDisplay(plan.machine)
  const reader = new ScreenReader(qmp, { folder, ramBytes, mayStop, ...(main ? { source: main } : {}) })
  const read = async (
    withPicture: boolean,
    source: ScreenSource | undefined = undefined,
  ): Promise<Screen> => {
    try {
      return await reader.read({ withPicture, searchFonts: true, ...(source ? { source } : {}) })
    } catch (error) {
      if (error instanceof QmpEnded) throw ended(reason(), 'was read')
      throw error
    }
  }
  const named = (display: string | undefined) =>
    display === undefined ? undefined : namedDisplay(plan.machine, display)
  const screen: GuestScreen = Object.assign(
    async ({ display }: ScreenOptions = {}) => read(true, named(display)),
    {
      async expect(
        pattern: string | RegExp,
        { timeoutMs = 30_000, display }: ScreenOptions & { readonly timeoutMs?: number } = {},
      ) {
        const atCaller = callSite(screen.expect)
        const source = named(display)
        return expectScreen(() => read(false, source), pattern, { timeoutMs, atCaller })
      },
    },
  )
  const watch = hasScreen(plan.machine) ? new ScreenWatch(reader, () => processActivity(pid)) : undefined
  if (onScreenLine) watch?.onLine(onScreenLine)
  // gdb may wake a guest that halts.
  if (endsWhenHalted && mayStop)
    watch?.onStill(async () => {
      if (await isHaltedForGood(qmp)) onHalted()
    })
  const keyboard: Keyboard = {
    qmp,
    folder,
    pid,
    cpus: cpus.count,
    isPs2: !hasOtherKeyboard(plan.machine),
    alone: (use) => reader.alone(use),
  }
  const keys: Screens['keys'] = async (wanted, options) => {
    try {
      await pressKeys(keyboard, wanted, options)
    } catch (error) {
      if (error instanceof QmpEnded) throw keysEnded(reason())
      throw error
    }
  }
  return { screen, watch, keys }
}

type Displays = Parameters<typeof displayCards>[0]

/** Undefined where QEMU has one display at most: it needs no name. */
function mainDisplay(machine: Displays): ScreenSource | undefined {
  const cards = displayCards(machine)
  if (cards.length < 2) return undefined
  const { id, hasText } = cards.find((card) => card.hasText) ?? (cards[0] as DisplayCard)
  return { hasText, ...(id === undefined ? {} : { device: id }) }
}

/** @throws BringupError SCREEN_DISPLAY_UNKNOWN */
function namedDisplay(machine: Displays, display: string): ScreenSource {
  const [, id, output = '0'] = /^([^:]*)(?::(\d+))?$/.exec(display) ?? []
  const cards = displayCards(machine)
  const card = cards.find((one) => one.id === id && id !== undefined)
  if (card?.id !== undefined && Number(output) < card.outputs)
    return { device: card.id, output: Number(output), hasText: card.hasText && output === '0' }
  const evidence = cards.flatMap(({ id: name, outputs }) =>
    name === undefined
      ? ['one without an id']
      : Array.from({ length: outputs }, (_, i) => (i === 0 ? name : `${name}:${i}`)),
  )
  throw new BringupError([
    problems.SCREEN_DISPLAY_UNKNOWN.at('', `the machine has no display "${display}"`, {
      evidence: evidence.length === 0 ? ['it has no display'] : [`displays: ${evidence.join(', ')}`],
    }),
  ])
}

const ended = (why: string, before: string) =>
  new BringupError([problems.SCREEN_ENDED.at('', `${why} before its screen ${before}`)])

async function expectScreen(
  read: () => Promise<Screen>,
  pattern: string | RegExp,
  { timeoutMs, atCaller }: { readonly timeoutMs: number; readonly atCaller: ReturnType<typeof callSite> },
): Promise<Screen> {
  const until = performance.now() + timeoutMs
  for (;;) {
    const screen = await read().catch((error: Error) => {
      throw atCaller(error)
    })
    if (shows(screen, pattern)) return screen
    if (performance.now() >= until) {
      const what = `the screen did not show ${typeof pattern === 'string' ? JSON.stringify(pattern) : pattern} within ${timeoutMs} ms`
      const evidence = screen.isBlank ? ['nothing is drawn on it'] : wordsOn(screen)
      throw atCaller(new BringupError([problems.SCREEN_NO_MATCH.at('', what, { evidence })]))
    }
    await pause(LOOK_MS)
  }
}

function shows({ text }: Screen, pattern: string | RegExp): boolean {
  if (typeof pattern === 'string') return text.includes(pattern)
  const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
  return text.split('\n').some((line) => stateless.test(line))
}
