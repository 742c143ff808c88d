/** Options that a profile's build takes: declared once, they are flags, completion, help and keys of the config file. */
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { nearest } from '../nearest.ts'

export const problems = defineDiagnostics({
  BUILD_OPTION_UNKNOWN: {
    title: 'The config file sets a build option that the profile does not have.',
    why: 'ignoring the option would build something else than intended',
    remedy: 'use one of the options in the message; `bringup build --help` explains them',
  },
  BUILD_OPTION_WRONG: {
    title: 'A build option has an invalid value.',
    why: 'the build would differ from the intended one',
    remedy: '`bringup build --help` shows what it takes',
  },
})

/** An option of a profile's build. */
export interface BuildOptionSpec {
  /** The key, in camel case; the flag is the same word in kebab case: `kernelFeatures` is `--kernel-features`. */
  readonly name: string
  /** One line for `--help`. */
  readonly description: string
  /**
   * `boolean`: `--release` and `--no-release`. `text`: one value. `list`: may be given several times, and each value is
   * split at commas and blanks, as cargo splits its features.
   */
  readonly type: 'boolean' | 'text' | 'list'
  /** A letter: `r` gives `-r`. Not one of `m`, `j`, `v`, `h` and `V`, which bringup has itself. */
  readonly short?: string
  /** Older names, without dashes, that are still understood: `['kfeatures']`. They are not shown in the help. */
  readonly aliases?: readonly string[]
  readonly choices?: readonly string[]
  readonly default?: BuildOptionValue
  /** What the value is called in the help: `crate`. Default: `value`. */
  readonly valueName?: string
}

export type BuildOptionValue = boolean | string | readonly string[]

/** Values by name. Options that were neither given nor have a default are absent. */
export type BuildOptionValues = Readonly<Record<string, BuildOptionValue>>

/**
 * Checks values against what is declared, and fills in defaults. The later source wins: config file, then flags.
 *
 * @throws BringupError BUILD_OPTION_UNKNOWN, BUILD_OPTION_WRONG, all at once
 */
export function resolveBuildOptions(
  specs: readonly BuildOptionSpec[],
  ...sources: readonly { readonly from: string; readonly values: Readonly<Record<string, unknown>> }[]
): BuildOptionValues {
  const wrong: Diagnostic[] = []
  const values: Record<string, BuildOptionValue> = {}
  for (const spec of specs) if (spec.default !== undefined) values[spec.name] = spec.default
  for (const { from, values: given } of sources)
    for (const [key, value] of Object.entries(given)) {
      if (value === undefined) continue
      const spec = specs.find((s) => s.name === key)
      const read = spec && readValue(spec, value)
      if (!spec) wrong.push(unknownOption(key, from, specs))
      else if (read === undefined) wrong.push(wrongValue(spec, from, value))
      else values[key] = read
    }
  if (wrong.length > 0) throw new BringupError(wrong)
  return values
}

function readValue(spec: BuildOptionSpec, value: unknown): BuildOptionValue | undefined {
  if (spec.type === 'boolean') return typeof value === 'boolean' ? value : undefined
  const isAllowed = (word: string) => spec.choices === undefined || spec.choices.includes(word)
  if (spec.type === 'text') return typeof value === 'string' && isAllowed(value) ? value : undefined
  const words = typeof value === 'string' ? [value] : value
  if (!Array.isArray(words) || !words.every((w) => typeof w === 'string')) return undefined
  const split = words.flatMap((w: string) => w.split(/[\s,]+/)).filter((w) => w !== '')
  return split.every(isAllowed) ? split : undefined
}

function unknownOption(key: string, from: string, specs: readonly BuildOptionSpec[]): Diagnostic {
  const known = specs.map((s) => s.name)
  const meant = nearest(key, known)
  const list = known.length === 0 ? 'this profile has no build options' : `they are: ${known.join(', ')}`
  return problems.BUILD_OPTION_UNKNOWN.at(`${from}.${key}`, `there is no build option "${key}"`, {
    remedy: `${meant === undefined ? '' : `did you mean "${meant}"? `}${list}`,
  })
}

function wrongValue(spec: BuildOptionSpec, from: string, value: unknown): Diagnostic {
  const kinds = { boolean: 'true or false', text: 'a text', list: 'a list of texts' }
  const wants = spec.choices === undefined ? kinds[spec.type] : `one of ${spec.choices.join(', ')}`
  return problems.BUILD_OPTION_WRONG.at(
    `${from}.${spec.name}`,
    `${spec.name} wants ${wants}, not ${JSON.stringify(value)}`,
  )
}
