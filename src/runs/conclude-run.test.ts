import { describe, expect, test } from 'vitest'
import type { GuestResult } from '../guest/record.ts'
import type { Verdict } from '../guest/verdict.ts'
import { concludeRun, type GuestEnd } from './conclude-run.ts'

const timings = { startMs: 1, runMs: 2, totalMs: 3 }
const result = (verdict: Verdict, exitCode = 0): GuestResult => ({
  verdict,
  exitCode,
  meaning: `it ${verdict}`,
  diagnostics: [],
  timings,
  folder: '/guest',
})
const guest = (name: string, verdict: Verdict | undefined, more: Partial<GuestEnd> = {}): GuestEnd => ({
  guest: name,
  counts: true,
  wasClosed: false,
  ...(verdict === undefined ? {} : { result: result(verdict) }),
  ...more,
})
const judged = (guests: readonly GuestEnd[]) => {
  const { verdict, exitCode, meaning } = concludeRun({
    isRack: true,
    guests,
    diagnostics: [],
    timings,
    folder: '/run',
  })
  return [verdict, exitCode, meaning]
}

test('a run of one machine has the verdict, the code and the meaning of its guest', () => {
  const one = concludeRun({
    isRack: false,
    guests: [{ guest: 'a', counts: true, wasClosed: false, result: result('failed', 49) }],
    diagnostics: [],
    timings: { ...timings, totalMs: 99 },
    folder: '/run',
  })
  expect(one).toMatchObject({
    verdict: 'failed',
    exitCode: 49,
    meaning: 'it failed',
    timings,
    folder: '/run',
  })
})

test('a run of one machine has failed where something that it needs has, although its guest passed', () => {
  const one = concludeRun({
    isRack: false,
    guests: [guest('a', 'passed')],
    diagnostics: [{ code: 'X', severity: 'error', path: '', what: 'the server died', why: '', remedy: '' }],
    timings,
    folder: '/run',
  })
  expect(one).toMatchObject({ verdict: 'failed', exitCode: 1, meaning: 'the server died' })
})

describe('a rack', () => {
  test('passes when every guest that counts has passed', () => {
    expect(judged([guest('a', 'passed'), guest('b', 'passed')])).toEqual(['passed', 0, 'all 2 guests passed'])
    expect(judged([guest('a', 'passed'), guest('b', 'failed', { counts: false })])).toEqual([
      'passed',
      0,
      'guest "a" passed',
    ])
  })

  test('does not pass with a guest that crashed by itself, even if it does not count', () => {
    const crashed = { counts: false } as const
    expect(judged([guest('a', 'passed'), guest('b', 'crashed', crashed)])[0]).toBe('crashed')
    expect(judged([guest('a', 'passed'), guest('b', 'crashed', { ...crashed, wasClosed: true })])[0]).toBe(
      'passed',
    )
  })

  test('has the worst verdict of those that count', () => {
    expect(judged([guest('a', 'failed'), guest('b', 'crashed'), guest('c', 'passed')])).toEqual([
      'crashed',
      123,
      'guest "b": it crashed',
    ])
  })

  test('says nothing of guests that it ended itself', () => {
    expect(judged([guest('a', 'timed-out'), guest('b', 'interrupted', { wasClosed: true })])[0]).toBe(
      'timed-out',
    )
  })

  test('never passes where nothing has passed, or one that counts was ended or not started', () => {
    expect(judged([])[0]).toBe('interrupted')
    expect(judged([guest('a', 'passed'), guest('b', undefined, { skipped: 'ended' })])[0]).toBe('interrupted')
    expect(judged([guest('a', 'passed'), guest('b', 'passed', { wasClosed: true })])[0]).toBe('interrupted')
    expect(judged([guest('a', 'passed'), guest('b', undefined, { skipped: 'failed' })])[0]).toBe(
      'machine-failed',
    )
  })

  test('fails when a guest was not started, since its condition could not be met', () => {
    const unmet = concludeRun({
      isRack: true,
      guests: [guest('a', 'passed'), guest('b', undefined, { skipped: 'unmet' })],
      diagnostics: [{ code: 'X', severity: 'error', path: '', what: 'a ended', why: '', remedy: '' }],
      timings,
      folder: '/run',
    })
    expect(unmet).toMatchObject({ verdict: 'failed', meaning: 'a ended', exitCode: 1 })
  })
})
