/** Plans that are made together are made for one state of this computer: what several of them ask for is read once. */
import { AsyncLocalStorage } from 'node:async_hooks'

const answers = new AsyncLocalStorage<Map<string, unknown>>()

/** While `work` runs, `readOnce` reads the answer to each question once. */
export function readingOnce<T>(work: () => Promise<T>): Promise<T> {
  return answers.run(new Map(), work)
}

/**
 * The answer to a question. Outside `readingOnce` it is read each time.
 *
 * @param question All that the answer depends on, besides the state of this computer.
 */
export function readOnce<T>(question: readonly [kind: string, ...rest: unknown[]], read: () => T): T {
  const known = answers.getStore()
  if (!known) return read()
  const key = keyOf(question)
  if (!known.has(key)) known.set(key, read())
  return known.get(key) as T
}

/** Whether several plans are made together. */
export const isReadingOnce = (): boolean => answers.getStore() !== undefined

/** JSON of a long text would copy it with its quotes escaped. */
function keyOf(question: readonly [kind: string, ...rest: unknown[]]): string {
  return question.every((part) => typeof part === 'string') ? question.join('\0') : JSON.stringify(question)
}
