/** Matchers on guests. Those that wait keep a log of what they saw, and show it when they fail. */
import { expect as base } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import type { Guest } from '../guest/guest.ts'
import { cut, visible } from '../guest-text.ts'
import type { GuestNvdimm, GuestPciFunction } from '../machine/guest-view.ts'
import type { Verdict } from '../runs/verdict.ts'

interface Outcome {
  readonly pass: boolean
  readonly message: () => string
}

/** A list of what happened when, relative to the first entry. */
class CallLog {
  readonly #entries: string[] = []
  readonly #from = performance.now()

  add(what: string): void {
    this.#entries.push(
      `  ${(performance.now() - this.#from).toFixed(0).padStart(6)} ms  ${cut(visible(what))}`,
    )
  }

  outcome(pass: boolean, expected: string, received: string, guest: Guest): Outcome {
    const tail = guest.console.tail(10).map((line) => `  ${line}`)
    return {
      pass,
      message: () =>
        [
          `expected: ${expected}`,
          `received: ${cut(visible(received))}`,
          'call log:',
          ...this.#entries,
          'last console lines:',
          ...tail,
          `run: ${guest.folder.path}`,
        ].join('\n'),
    }
  }
}

async function toShow(
  this: unknown,
  guest: Guest,
  pattern: string | RegExp,
  options: { withinMs?: number } = {},
): Promise<Outcome> {
  const log = new CallLog()
  const expected = `console shows ${pattern} within ${options.withinMs ?? 30_000} ms`
  log.add(`waiting for ${pattern}`)
  try {
    const match = await guest.console.expect(pattern, { timeoutMs: options.withinMs })
    log.add(`found ${JSON.stringify(match.text)}`)
    return log.outcome(true, expected, match.text, guest)
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    log.add(`${error.code}`)
    return log.outcome(false, expected, error.diagnostics[0]?.what ?? '', guest)
  }
}

async function toEnd(
  this: unknown,
  guest: Guest,
  verdict: Verdict,
  options: { code?: number } = {},
): Promise<Outcome> {
  const log = new CallLog()
  log.add('waiting for the guest to end')
  const result = await guest.done
  log.add(`${result.verdict}: ${result.meaning}`)
  const pass = result.verdict === verdict && (options.code === undefined || result.guestCode === options.code)
  const code = options.code === undefined ? '' : ` with code ${options.code}`
  return log.outcome(
    pass,
    `${verdict}${code}`,
    `${result.verdict} with code ${result.guestCode ?? 'none'}: ${result.meaning}`,
    guest,
  )
}

/** A guest with a command channel can be asked while it runs; another has told everything once it has ended. */
async function untilItHasTold(guest: Guest): Promise<void> {
  if (!guest.plan.channels.some((c) => c.purpose === 'shell')) await guest.done
}

async function toSeeItsMachine(this: unknown, guest: Guest): Promise<Outcome> {
  const log = new CallLog()
  await untilItHasTold(guest)
  const comparison = await guest.verify()
  for (const c of comparison)
    log.add(
      `${c.ok ? 'same' : 'DIFFERENT'}  ${c.device} ${c.aspect}: asked ${c.want}, saw ${c.got ?? 'nothing'}`,
    )
  const wrong = comparison.filter((c) => !c.ok)
  const received =
    comparison.length === 0 ? 'no report from the guest' : `${wrong.length} of ${comparison.length} differ`
  return log.outcome(
    comparison.length > 0 && wrong.length === 0,
    'the guest sees what was described',
    received,
    guest,
  )
}

/** What of a device to look for; every key that is given must be equal. */
type Wanted = { readonly nvdimm: Partial<GuestNvdimm>; readonly pci: Partial<GuestPciFunction> }

async function toSeeDevice<K extends keyof Wanted>(
  this: unknown,
  guest: Guest,
  kind: K,
  wanted: Wanted[K] = {},
): Promise<Outcome> {
  const log = new CallLog()
  await untilItHasTold(guest)
  const view = await guest.view()
  const seen: readonly object[] = (kind === 'nvdimm' ? view?.nvdimms : view?.pci) ?? []
  for (const device of seen) log.add(JSON.stringify(device))
  const pass = seen.some((device) =>
    Object.entries(wanted).every(([key, value]) => (device as Record<string, unknown>)[key] === value),
  )
  return log.outcome(
    pass,
    `${kind} ${JSON.stringify(wanted)}`,
    `${seen.length} of that kind, none like it`,
    guest,
  )
}

/** Vitest's `expect` with the matchers of `GuestMatchers`. */
export const expect = base
expect.extend({ toShow, toEnd, toSeeItsMachine, toSeeDevice })

/** What can be expected of a guest. All are asynchronous. */
export interface GuestMatchers<R = unknown> {
  /** The console shows the text or pattern within `withinMs` (30,000). Fails at once when the guest ends. */
  toShow(pattern: string | RegExp, options?: { withinMs?: number }): Promise<R>
  /** The run ends with this verdict, and with this code of the guest's own. */
  toEnd(verdict: Verdict, options?: { code?: number }): Promise<R>
  /** Everything that the guest reports is as described. Waits for the end of a guest that has no command channel. */
  toSeeItsMachine(): Promise<R>
  /** The guest reports a device with these values. Waits for the end of a guest that has no command channel. */
  toSeeDevice<K extends keyof Wanted>(kind: K, wanted?: Wanted[K]): Promise<R>
}

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: the parameter must be declared as Vitest declares it
  interface Matchers<T = any> extends GuestMatchers<T> {}
}
