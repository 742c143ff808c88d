/** Matchers on guests and descriptions. Those that wait keep a log of what they saw, and show it when they fail. */
import { expect as base } from 'vitest'
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import type { CommandOptions, Guest } from '../guest/guest.ts'
import type { Verdict } from '../guest/verdict.ts'
import { checkDescription, type LaunchRequest } from '../launch.ts'
import type { MachineInput } from '../machine/machine.ts'
import { CallLog, type Outcome } from './call-log.ts'
import { toHaveRdmaDevice, type WantedRdma } from './rdma-matcher.ts'
import { DEVICE_KINDS, differences, nearestDevice, reported, type Wanted } from './wanted-device.ts'

interface MatcherState {
  readonly isNot: boolean
}

/** `.not` looks at what the console has shown up to now, and does not wait. */
async function toShow(
  this: MatcherState,
  guest: Guest,
  pattern: string | RegExp,
  { timeoutMs = 30_000 }: { timeoutMs?: number } = {},
): Promise<Outcome> {
  const log = new CallLog()
  const { isNot } = this
  const quoted = typeof pattern === 'string' ? JSON.stringify(pattern) : `${pattern}`
  const expected = isNot
    ? `shown on the console: ${quoted}`
    : `the console shows ${quoted} within ${timeoutMs} ms`
  log.add(`waiting for ${quoted}`)
  try {
    const { text } = await guest.console.expect(pattern, { timeoutMs: isNot ? 0 : timeoutMs })
    log.add(`found ${JSON.stringify(text)}`)
    return log.outcome(true, { expected, received: text, guest, isNot })
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    const received = error.diagnostics[0]?.what ?? ''
    return log.outcome(false, { expected, received, guest, isNot })
  }
}

/** `.not` looks at a guest that still runs as one that has not ended so, and does not wait. */
async function toEnd(
  this: MatcherState,
  guest: Guest,
  verdict: Verdict,
  { code }: { code?: number } = {},
): Promise<Outcome> {
  const log = new CallLog()
  const { isNot } = this
  const expected = `ends with ${verdict}${code === undefined ? '' : ` and code ${code}`}`
  if (isNot && !guest.hasEnded)
    return log.outcome(false, { expected, received: 'the guest still runs', guest, isNot })
  log.add('waiting for the guest to end')
  const result = await guest.done
  log.add(`${result.verdict}: ${result.meaning}`)
  const pass = result.verdict === verdict && (code === undefined || result.guestCode === code)
  const withCode = result.guestCode === undefined ? '' : ` with code ${result.guestCode}`
  const received = `${result.verdict}${withCode}: ${result.meaning}`
  return log.outcome(pass, { expected, received, guest, isNot })
}

/** A guest with a command channel reports while it runs; another has reported everything once it has ended. */
async function untilItHasReported(guest: Guest): Promise<void> {
  if (!guest.plan.channels.some((c) => c.purpose === 'shell')) await guest.done
}

async function toSeeItsMachine(this: MatcherState, guest: Guest): Promise<Outcome> {
  const log = new CallLog()
  await untilItHasReported(guest)
  const outcome = { expected: 'the guest sees what was described', guest, isNot: this.isNot }
  try {
    const comparison = await guest.verify()
    for (const c of comparison)
      log.add(
        `${c.ok ? 'same' : 'DIFFERENT'}  ${c.device} ${c.aspect}: wanted ${c.want}, ${c.by} reported ${c.got ?? 'nothing'}`,
      )
    for (const { device, aspect, because } of await guest.notCompared())
      log.add(`not compared  ${device} ${aspect}: ${because}`)
    const wrong = comparison.filter((c) => !c.ok)
    const received = `${wrong.length} of ${comparison.length} differ`
    return log.outcome(wrong.length === 0, { ...outcome, received })
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    return log.outcome(false, { ...outcome, received: error.diagnostics[0]?.what ?? '' })
  }
}

async function toSeeDevice<K extends keyof Wanted>(
  this: MatcherState,
  guest: Guest,
  kind: K,
  wanted: Wanted[K] = {},
): Promise<Outcome> {
  if (!DEVICE_KINDS.includes(kind))
    throw new TypeError(`toSeeDevice knows no device kind "${kind}"; it is one of ${DEVICE_KINDS.join(', ')}`)
  const log = new CallLog()
  await untilItHasReported(guest)
  const devices = reported(await guest.view(), kind)
  const near = nearestDevice(devices ?? [], wanted)
  const differs = near && differences(near, wanted)
  const received =
    devices === undefined
      ? `the guest reported nothing about devices of kind ${kind}`
      : near === undefined
        ? `no ${kind}`
        : `${devices.length} of kind ${kind}; the nearest: ${JSON.stringify(near)}${(differs ?? []).map((d) => `\n  ${d}`).join('')}`
  return log.outcome(differs?.length === 0, {
    expected: `${kind} ${JSON.stringify(wanted)}`,
    received,
    guest,
    isNot: this.isNot,
  })
}

/** What a command should have done. Text must be equal, a pattern must match. */
export interface CommandExpectation extends Pick<CommandOptions, 'env' | 'cwd' | 'stdin' | 'timeoutMs'> {
  /** Default 0. */
  readonly exitCode?: number
  readonly stdout?: string | RegExp
  readonly stderr?: string | RegExp
}

async function toRun(
  this: MatcherState,
  guest: Guest,
  argv: readonly string[],
  { exitCode = 0, stdout, stderr, ...options }: CommandExpectation = {},
): Promise<Outcome> {
  const log = new CallLog()
  log.add(`running ${argv.join(' ')}`)
  const result = await guest.run(argv, options)
  const fits = (text: string, wanted: string | RegExp | undefined) =>
    wanted === undefined || (typeof wanted === 'string' ? text === wanted : wanted.test(text))
  const wantedText = [
    `exit code ${exitCode}`,
    ...(stdout === undefined ? [] : [`stdout ${shown(stdout)}`]),
    ...(stderr === undefined ? [] : [`stderr ${shown(stderr)}`]),
  ].join(', ')
  return log.outcome(
    result.exitCode === exitCode && fits(result.stdout, stdout) && fits(result.stderr, stderr),
    {
      expected: `${argv.join(' ')}: ${wantedText}`,
      received: `exit code ${result.exitCode}\nstdout: ${shown(result.stdout)}\nstderr: ${shown(result.stderr)}`,
      guest,
      isNot: this.isNot,
    },
  )
}

const shown = (text: string | RegExp) => (typeof text === 'string' ? JSON.stringify(text) : `${text}`)

async function toBeRefused(
  this: MatcherState,
  machine: MachineInput | string,
  code?: string,
  path?: string,
  request: LaunchRequest = {},
): Promise<Outcome> {
  const found = await checkDescription(machine, request)
  const errors = found.filter((d) => d.severity === 'error')
  const fits = (d: Diagnostic) =>
    (code === undefined || d.code === code) && (path === undefined || d.path === path)
  const where = path === undefined ? '' : ` at ${path}`
  return new CallLog().outcome(errors.some(fits), {
    expected: `the description is refused${code === undefined ? '' : ` with ${code}`}${where}`,
    received:
      errors.length === 0 ? 'no error' : errors.map((d) => `${d.code} at ${d.path}: ${d.what}`).join('\n'),
    isNot: this.isNot,
  })
}

/** Vitest's `expect` with the matchers of `GuestMatchers` and `DescriptionMatchers`. */
export const expect = base
expect.extend({ toShow, toEnd, toSeeItsMachine, toSeeDevice, toHaveRdmaDevice, toRun, toBeRefused })

/** What can be expected of a guest. All are asynchronous. */
export interface GuestMatchers {
  /**
   * The console shows the text or pattern within `timeoutMs` (30,000). Fails at once when the guest ends. With `.not`:
   * it has not been shown up to now.
   */
  toShow(pattern: string | RegExp, options?: { timeoutMs?: number }): Promise<void>
  /** The run ends with this verdict, and with this code of the guest's own. With `.not` a guest that still runs passes. */
  toEnd(verdict: Verdict, options?: { code?: number }): Promise<void>
  /** Everything that the guest reports is as described. Waits for the end of a guest that has no command channel. */
  toSeeItsMachine(): Promise<void>
  /** The guest reports a device with these values. Waits for the end of a guest that has no command channel. */
  toSeeDevice<K extends keyof Wanted>(kind: K, wanted?: Wanted[K]): Promise<void>
  /**
   * The guest has an RDMA device of that name whose port is active, with these values, within `timeoutMs` (30,000). With
   * `.not` it looks once.
   */
  toHaveRdmaDevice(name: string, wanted?: WantedRdma): Promise<void>
  /** The command runs in the guest with this exit code (0), standard output and standard error. */
  toRun(argv: readonly string[], expected?: CommandExpectation): Promise<void>
}

/** What can be expected of a description of a machine. */
export interface DescriptionMatchers {
  /** The description has an error: any, one with this code, or one with this code at this path. Nothing is started. */
  toBeRefused(code?: string, path?: string, request?: LaunchRequest): Promise<void>
}

// A conditional type with a function in one branch: Vitest's own types require functions, also for a generic T.
type GuestMatcher<T, K extends keyof GuestMatchers> = T extends Guest ? GuestMatchers[K] : never

type DescriptionMatcher<T, K extends keyof DescriptionMatchers> = T extends Guest
  ? never
  : T extends MachineInput | string
    ? DescriptionMatchers[K]
    : never

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: the parameter must be declared as Vitest declares it
  interface Matchers<T = any> {
    toShow: GuestMatcher<T, 'toShow'>
    toEnd: GuestMatcher<T, 'toEnd'>
    toSeeItsMachine: GuestMatcher<T, 'toSeeItsMachine'>
    toSeeDevice: GuestMatcher<T, 'toSeeDevice'>
    toHaveRdmaDevice: GuestMatcher<T, 'toHaveRdmaDevice'>
    toRun: GuestMatcher<T, 'toRun'>
    toBeRefused: DescriptionMatcher<T, 'toBeRefused'>
  }
}
