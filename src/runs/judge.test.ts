import { describe, expect, it } from 'vitest'
import type { Judgement } from '../plan/plan.ts'
import { type Ending, judge } from './judge.ts'

const judgement: Judgement = {
  exitCodes: {
    16: { verdict: 'passed', meaning: 'fine' },
    2: { verdict: 'failed', meaning: 'panic code' },
    0: { verdict: 'passed', meaning: 'zero' },
  },
  panicPatterns: [],
  onPowerOff: 'failed',
  onReset: 'stop',
}

const ending: Ending = {
  status: 33,
  signal: null,
  stderr: '',
  started: true,
  tripleFault: false,
  debugExit: true,
  timeoutMs: 1000,
  consoleTail: ['last line'],
}

const verdictOf = (changes: Partial<Ending>, rules: Partial<Judgement> = {}) =>
  judge({ ...ending, ...changes }, { ...judgement, ...rules }).verdict

describe('judge', () => {
  it('passes on a code that the profile knows as success', () => {
    expect(judge(ending, judgement)).toEqual({
      verdict: 'passed',
      meaning: 'fine',
      diagnostics: [],
      guestCode: 16,
    })
  })

  it('fails on a code that means failure, and on one that nobody knows', () => {
    expect(verdictOf({ status: 5 })).toBe('failed')
    expect(verdictOf({ status: 2 * 99 + 1 })).toBe('failed')
  })

  it('tells status 1 of a guest that wrote 0 from status 1 of a QEMU that refused', () => {
    expect(verdictOf({ status: 1 })).toBe('passed')
    expect(verdictOf({ status: 1, stderr: 'qemu-system-x86_64: cannot go on\n' })).toBe('machine-failed')
    expect(verdictOf({ status: 1, started: false, stderr: 'qemu-system-x86_64: bad option\n' })).toBe(
      'machine-failed',
    )
  })

  it('takes a warning of QEMU for no failure', () => {
    expect(verdictOf({ status: 1, stderr: 'qemu-system-x86_64: warning: deprecated\n' })).toBe('passed')
  })

  it('never takes QEMU’s exit 0 for success by itself', () => {
    expect(verdictOf({ status: 0 })).toBe('machine-failed')
    expect(
      verdictOf({ status: 0, tripleFault: true, shutdown: { guest: true, reason: 'guest-reset' } }),
    ).toBe('crashed')
    expect(verdictOf({ status: 0, shutdown: { guest: false, reason: 'host-signal' } })).toBe('machine-failed')
  })

  it('lets the profile say what a power-off means', () => {
    const shutdown = { guest: true, reason: 'guest-shutdown' }
    expect(verdictOf({ status: 0, shutdown })).toBe('failed')
    expect(verdictOf({ status: 0, shutdown }, { onPowerOff: 'passed' })).toBe('passed')
  })

  it('calls a panic a crash even when the kernel then exits with a good code', () => {
    expect(verdictOf({ panicLine: 'PANIC: x' })).toBe('crashed')
    expect(verdictOf({ watchdogAction: 'reset' })).toBe('crashed')
    expect(verdictOf({ guestPanicked: true })).toBe('crashed')
    expect(verdictOf({ panicLine: 'PANIC: x', endedBy: 'shell-exit', shellExit: 0 })).toBe('crashed')
  })

  it('keeps time-outs and interruptions apart from what QEMU then returns', () => {
    expect(verdictOf({ endedBy: 'timeout', status: 0 })).toBe('timed-out')
    expect(verdictOf({ endedBy: 'interrupt', status: null, signal: 'SIGKILL' })).toBe('interrupted')
  })

  it('blames QEMU for a signal that nobody here sent', () => {
    const { verdict, diagnostics } = judge(
      { ...ending, status: null, signal: 'SIGABRT', stderr: 'assertion failed\n' },
      judgement,
    )
    expect(verdict).toBe('machine-failed')
    expect(diagnostics[0]).toMatchObject({ code: 'QEMU_DIED', evidence: ['assertion failed', 'last line'] })
  })

  it('returns the code of the command that ran in the guest', () => {
    expect(judge({ ...ending, status: 0, endedBy: 'shell-exit', shellExit: 7 }, judgement)).toMatchObject({
      verdict: 'failed',
      guestCode: 7,
    })
  })

  it('does not read a debug exit where the machine has none', () => {
    expect(verdictOf({ debugExit: false })).toBe('machine-failed')
  })
})
