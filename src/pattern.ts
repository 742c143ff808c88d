/** Regular expressions that users write, for lines of the console. */
import * as z from 'zod'

const LONGEST = 1000

/** What is wrong with the source of a regular expression; undefined when nothing is. */
export function patternProblem(source: string): string | undefined {
  if (source === '') return 'it is empty, and every line would match'
  if (source.length > LONGEST) return `it has more than ${LONGEST} characters`
  try {
    return new RegExp(source).test('') ? 'it matches an empty line' : undefined
  } catch (error) {
    return (error as Error).message.replace(/^Invalid regular expression: /, '')
  }
}

/** The source of a regular expression that matches just that text. */
export function literalPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

/** Stands for what an unfinished line goes on with: a pattern that ends in `$` does not match before it. */
export const MORE = '\uE000'

/** A pattern as it was written: a text in quotes, a regular expression between slashes. */
export function patternText(source: string): string {
  const text = source.replace(/\\([\\^$.*+?()[\]{}|/])/g, '$1')
  return literalPattern(text) === source ? JSON.stringify(text) : `/${source}/`
}

/** A regular expression in a description. */
export const zPattern = z.lazy(() =>
  z.string().superRefine((source, context) => {
    const problem = patternProblem(source)
    if (problem !== undefined)
      context.addIssue({ code: 'custom', message: `"${source}" is no pattern: ${problem}` })
  }),
)
