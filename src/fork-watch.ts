/** Tells who watches a guest or a rack of the forks of its saved states, and of theirs: each is watched as its origin is. */

export type ForkWatch = (fork: object) => void

const watches = new WeakMap<object, ForkWatch>()

/** From now on, forks of states that are saved of the target are told. */
export function watchForks(target: object, watch: ForkWatch): void {
  watches.set(target, watch)
}

/** Tells the watch of the saved guest or rack, if it has one, of a fork. @returns the fork */
export function toldFork<T extends object>(saved: object, fork: T): T {
  const watch = watches.get(saved)
  if (!watch) return fork
  watchForks(fork, watch)
  watch(fork)
  return fork
}
