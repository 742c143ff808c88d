/** A test whose guest crashed is no pass, unless the test has looked at the end of the guest. */
import type { Guest } from '../guest/guest.ts'
import type { GuestResult } from '../guest/record.ts'
import type { Run } from '../runs/run.ts'
import { evidenceOf } from './evidence.ts'

/** Tells from now on whether the end was looked at: by `done`, `close()`, `kill()` or a matcher. */
export function watchEnd(target: { readonly done: Promise<unknown> }): () => boolean {
  const { done } = target
  let isSeen = false
  Object.defineProperty(target, 'done', {
    configurable: true,
    enumerable: true,
    get() {
      isSeen = true
      return done
    },
  })
  return () => isSeen
}

/** The same of a run: guests whose end was not looked at. The end of the run is that of all of them. */
export function watchEnds(run: Pick<Run, 'done' | 'guests'>): () => readonly Guest[] {
  const isSeen = watchEnd(run)
  const guests = Object.values(run.guests).map((guest) => ({ guest, isSeen: watchEnd(guest) }))
  return () => (isSeen() ? [] : guests.flatMap((one) => (one.isSeen() ? [] : one.guest)))
}

/** @throws Error with the evidence of the first guest that crashed */
export function refuseCrashes(ends: readonly (readonly [Guest, GuestResult])[]): void {
  const crashed = ends.find(([, { verdict }]) => verdict === 'crashed')
  if (!crashed) return
  const [guest, { meaning }] = crashed
  throw new Error(
    [
      `guest "${guest.name}" crashed, and the test did not look at its end: ${meaning}`,
      "if it was to crash: await expect(guest).toEnd('crashed')",
      evidenceOf(guest),
    ].join('\n'),
  )
}
