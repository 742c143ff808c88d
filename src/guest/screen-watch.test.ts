import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Screen } from '../screen/screen.ts'
import { ScreenWatch } from './screen-watch.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const SCREEN: Screen = {
  mode: 'text',
  text: '',
  colored: '',
  columns: 80,
  rows: 25,
  unread: 0,
  isBlank: false,
}
const WORDS = 'one letter after another'

/** Lines that are shown of a guest that draws a letter in 300 ms of its time, and gets that part of a CPU. */
async function shownWith(share: number): Promise<readonly string[]> {
  const from = Date.now()
  const cpuMs = () => (Date.now() - from) * share
  const read = async () => ({ ...SCREEN, text: `first\n${WORDS.slice(0, 1 + cpuMs() / 300)}` })
  const watch = new ScreenWatch({ read, progress: 0 }, () => ({
    isBusy: cpuMs() < 300 * WORDS.length,
    ticks: Math.floor(cpuMs() / 10),
  }))
  const shown: string[] = []
  watch.onLine((line) => shown.push(line))
  watch.begin()
  for (let ms = 0; ms < (300 * WORDS.length) / share + 10_000; ms += 50) await vi.advanceTimersByTimeAsync(50)
  watch.end()
  return shown
}

test.each([1, 0.5, 0.1, 0.02])('a guest with %f of a CPU shows whole lines', async (share) => {
  expect(await shownWith(share)).toEqual(['first', WORDS])
})

test('lines in which nothing can be read are not shown', async () => {
  const text = 'a word \ufffd\n  \ufffd\ufffd \ufffd'
  const watch = new ScreenWatch({ read: async () => ({ ...SCREEN, text }), progress: 0 }, () => ({
    isBusy: false,
    ticks: 7,
  }))
  const shown: string[] = []
  watch.onLine((line) => shown.push(line))
  watch.begin()
  await vi.advanceTimersByTimeAsync(5000)
  expect(shown).toEqual(['a word \ufffd'])
  watch.end()
})

test('the last line of a guest that waits is shown while it waits', async () => {
  const watch = new ScreenWatch({ read: async () => ({ ...SCREEN, text: 'login:' }), progress: 0 }, () => ({
    isBusy: false,
    ticks: 7,
  }))
  const shown: string[] = []
  watch.onLine((line) => shown.push(line))
  watch.begin()
  await vi.advanceTimersByTimeAsync(5000)
  expect(shown).toEqual(['login:'])
  watch.end()
})
