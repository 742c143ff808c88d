/** A test whose guest crashed is no pass, unless the test has looked at the end of the guest. */
import { watchForks } from '../fork-watch.ts'
import type { Guest } from '../guest/guest.ts'
import type { GuestResult } from '../guest/record.ts'
import type { Run } from '../runs/run.ts'
import { evidenceOf } from './evidence.ts'

/** Tells from now on whether the end was looked at: by `done`, `close()`, `kill()` or a matcher, but not by `await using`. */
export function watchEnd(target: { readonly done: Promise<unknown> } & AsyncDisposable): () => boolean {
  const { done } = target
  const dispose = target[Symbol.asyncDispose].bind(target)
  let isSeen = false
  Object.defineProperty(target, Symbol.asyncDispose, {
    configurable: true,
    value: async () => {
      const wasSeen = isSeen
      await dispose()
      isSeen = wasSeen
    },
  })
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
export function watchEnds(run: Pick<Run, 'done' | 'guests'> & AsyncDisposable): () => readonly Guest[] {
  const isSeen = watchEnd(run)
  const guests = Object.values(run.guests).map((guest) => ({ guest, isSeen: watchEnd(guest) }))
  return () => (isSeen() ? [] : guests.flatMap((one) => (one.isSeen() ? [] : one.guest)))
}

/**
 * Calls `add` for the target, and for each fork of its saved states when it starts. A fork that ends without a crash is
 * forgotten: a test may start thousands.
 */
export function addWithForks<T extends Guest | Run>(
  target: T,
  { add, forget }: { readonly add: (one: T) => void; readonly forget: (fork: T) => void },
): void {
  add(target)
  watchForks(target, (started) => {
    const fork = started as T
    const { done } = fork
    add(fork)
    void done.then((end) => {
      const ends = 'guests' in end ? end.guests.map(({ result }) => result) : [end]
      if (ends.every((one) => one?.verdict !== 'crashed')) forget(fork)
    })
  })
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
