/** `--until` and `--until-regex`: the text on the console that is a pass and ends the guest. */
import { BringupError } from '../diagnostics.ts'
import { literalPattern, patternProblem } from '../pattern.ts'
import type { OptionSpec } from './command.ts'
import { problems } from './usage.ts'

export const UNTIL_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--until <text>',
    description: 'pass when the console shows this text, and end the guest; nothing else is a pass',
    isRepeatable: true,
  },
  {
    flags: '--until-regex <regex>',
    description: 'as --until with a regular expression, matched line by line',
    isRepeatable: true,
  },
]

/**
 * Sources of regular expressions, for what the options say.
 *
 * @throws BringupError USAGE with every one that cannot be used
 */
export function untilPatterns(options: Readonly<Record<string, unknown>>): readonly string[] {
  const texts = (options.until ?? []) as readonly string[]
  const regexes = (options.untilRegex ?? []) as readonly string[]
  const wrong = [
    ...texts.filter((text) => text === '').map(() => problems.USAGE.at('--until', '"" is in every line')),
    ...texts
      .filter((text) => text.includes('\n'))
      .map((text) => problems.USAGE.at('--until', `${JSON.stringify(text)} has more than one line`)),
    ...regexes.flatMap((source) => {
      const problem = patternProblem(source)
      return problem === undefined
        ? []
        : [problems.USAGE.at('--until-regex', `"${source}" is no pattern: ${problem}`)]
    }),
  ]
  if (wrong.length > 0) throw new BringupError(wrong)
  return [...texts.map(literalPattern), ...regexes]
}
