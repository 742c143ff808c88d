/** What a schema says of a wrong value, in plain words. Messages that a schema brings along stay as they are. */
import type * as z from 'zod'

type Issue = z.core.$ZodIssue

/** The beginnings of the library's own messages. */
const BUILT_IN = /^(Too (small|big)|Invalid )/

/**
 * A clause after the value's path: `must be at least 1`.
 *
 * @example
 * wordsOf({ code: 'too_small', origin: 'number', minimum: 1, inclusive: true, path: [], message: 'Too small' })
 * // must be at least 1
 */
export function wordsOf(issue: Issue): string {
  if (issue.code === 'invalid_key')
    return `is not a name that may be used here: ${issue.issues.map(wordsOf).join('; ')}`
  if (!BUILT_IN.test(issue.message)) return issue.message
  if (issue.code === 'invalid_type') return `must be ${kindOf(issue.expected)}`
  if (issue.code === 'invalid_value')
    return `must be ${either(issue.values.map((value) => JSON.stringify(value)))}`
  if (issue.code === 'too_small')
    return `must ${limit(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)}`
  if (issue.code === 'too_big')
    return `must ${limit(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)}`
  if (issue.code === 'not_multiple_of') return `must be a multiple of ${issue.divisor}`
  if (issue.code === 'invalid_union') return 'has none of the forms that are possible here'
  if (issue.code === 'invalid_format')
    return `must ${FORMATS[issue.format] ?? `have the form of ${issue.pattern ?? issue.format}`}`
  return issue.message
}

/** Forms that have a name. */
const FORMATS: Readonly<Record<string, string>> = { ipv4: 'be an IPv4 address', ipv6: 'be an IPv6 address' }

function limit(origin: string, relation: string, bound: number | bigint): string {
  const unit = { string: 'character', array: 'entry', set: 'entry', object: 'key' }[origin]
  if (unit === undefined) return `be ${relation} ${bound}`
  const many = unit === 'entry' ? 'entries' : `${unit}s`
  return `have ${relation} ${bound} ${Number(bound) === 1 ? unit : many}`
}

const ARTICLES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  bool: 'true or false',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  undefined: 'absent',
  never: 'absent',
}

const kindOf = (expected: string) => ARTICLES[expected] ?? `a ${expected}`

function either(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
