/** What must not happen at the same time to the same thing. */

/** What was begun last with each thing. */
const last = new WeakMap<object, Promise<unknown>>()

/**
 * Does it once all that was begun before with any of the things has ended, in whichever way.
 *
 * @example
 * const one = inTurn([guest], () => save(guest))
 * const two = inTurn([guest], () => save(guest)) // begins after the first one
 */
export function inTurn<T>(things: readonly object[], act: () => Promise<T>): Promise<T> {
  // All at once: of two callers, one comes first for all things, so that they cannot wait for each other.
  const before = things.flatMap((thing) => last.get(thing) ?? [])
  const done = Promise.allSettled(before).then(act)
  for (const thing of things) last.set(thing, done)
  return done
}
