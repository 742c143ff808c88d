/** Errors that are made in a timer or an event, shown at the line that called for what failed. */

/**
 * Takes the caller's stack now, and gives it to an error that is made later.
 *
 * @param below The function whose caller is wanted; it and everything above it is left out of the stack.
 * @example
 * const atCaller = callSite(expect)
 * setTimeout(() => reject(atCaller(new BringupError(found))), 1000)
 */
export function callSite(below: (...args: never[]) => unknown): <E extends Error>(error: E) => E {
  const here: { stack?: string } = {}
  Error.captureStackTrace(here, below)
  return (error) => {
    const frames = here.stack?.slice(here.stack.indexOf('\n') + 1) ?? ''
    error.stack = `${error.name}: ${error.message}\n${frames}`
    return error
  }
}
