/**
 * Searches a number in text that a guest has written, by a regular expression that a user has written: the search is ended
 * if it takes too long.
 */
import { createContext, Script } from 'node:vm'

/** What a search of one text may take; 64 MiB without backtracking take a third of it. */
const SEARCH_MS = 1000

/** A script in a context of its own is the only way to end a regular expression that backtracks forever. */
const LAST_MATCH = `
  (() => {
    let last
    for (const match of text.matchAll(pattern)) last = match
    return last && (last[1] ?? last[0])
  })()`

/** The last match, since a number that is printed again and again is final in its last line. `isSlow` if the search was ended. */
export function lastMatch(text: string, source: string): string | undefined | { readonly isSlow: true } {
  const context = createContext({ text, pattern: new RegExp(source, 'gm') })
  try {
    return new Script(LAST_MATCH).runInContext(context, { timeout: SEARCH_MS }) as string | undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    return { isSlow: true }
  }
}
