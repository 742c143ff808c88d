/** Work on pictures that takes long for an event loop: it is done in slices, between which other work goes on. */

/** Yields where it may be interrupted, some times in each millisecond. */
export type Sliced<T> = Generator<undefined, T, undefined>

const SLICE_MS = 8

/** Does it in slices of some milliseconds. */
export async function inSlices<T>(work: Sliced<T>, now = () => performance.now()): Promise<T> {
  let until = now() + SLICE_MS
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
    if (now() < until) continue
    await new Promise((resolve) => setImmediate(resolve))
    until = now() + SLICE_MS
  }
}

/** Does it without a pause. */
export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}
