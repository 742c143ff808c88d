/** `--only 'numa>=4,kernel=6.1'`: which cells of a sweep are meant. Pure. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { nearest } from '../nearest.ts'
import { parseBytes } from '../units.ts'
import { type Combination, isSame, showValue } from './expand.ts'
import type { Axis, AxisValue } from './record.ts'

export const problems = defineDiagnostics({
  SWEEP_FILTER_WRONG: {
    title: '`--only` cannot be understood.',
    why: 'it is AXIS=VALUE with =, !=, <, <=, > or >=; a comma stands between conditions that all have to hold',
    remedy: "such as --only 'numa>=4,kernel=6.1'",
  },
})

type Operator = '=' | '!=' | '<' | '<=' | '>' | '>='

interface Condition {
  readonly axis: string
  readonly operator: Operator
  readonly value: string
}

/**
 * The cells that meet every condition.
 *
 * @param text `numa>=4,pm0.size=1G`; an axis may be named by its last keys; `|` separates values of `=`
 * @throws BringupError SWEEP_FILTER_WRONG with all that is wrong
 */
export function onlyCells<C extends Pick<Combination, 'values'>>(
  text: string,
  axes: readonly Axis[],
  cells: readonly C[],
): readonly C[] {
  const parsed = conditionsIn(text, axes).map((part) => parse(part.trim(), axes))
  const wrong = parsed.flatMap((one) => ('code' in one ? one : []))
  if (wrong.length > 0) throw new BringupError(wrong)
  const conditions = parsed.flatMap((one) => ('code' in one ? [] : one))
  return cells.filter(({ values }) => conditions.every((one) => holds(one, values[one.axis] ?? null)))
}

/** Parts between commas; a value of an axis that has commas itself is one part. */
function conditionsIn(text: string, axes: readonly Axis[]): readonly string[] {
  const parts = text.split(',')
  const conditions: string[] = []
  for (let at = 0; at < parts.length; ) {
    const ends = parts.map((_, index) => index + 1).filter((end) => end > at + 1)
    const end = ends.findLast((one) => hasWholeValue(parts.slice(at, one).join(','), axes)) ?? at + 1
    conditions.push(parts.slice(at, end).join(','))
    at = end
  }
  return conditions
}

function hasWholeValue(part: string, axes: readonly Axis[]): boolean {
  const condition = parse(part.trim(), axes)
  if ('code' in condition) return false
  const values = axes.find(({ path }) => path === condition.axis)?.values.map(showValue) ?? []
  const alternatives = alternativesOf(condition.value, values)
  return alternatives.at(-1)?.includes(',') === true && alternatives.every((one) => values.includes(one))
}

/** `1|2`; a value of the axis that has such a stroke itself is one. */
function alternativesOf(value: string, values: readonly string[]): readonly string[] {
  return values.includes(value) ? [value] : value.split('|')
}

function parse(part: string, axes: readonly Axis[]) {
  const found = /^([^=!<>]+?)\s*(!=|<=|>=|=|<|>)=?\s*(.*)$/.exec(part)
  if (!found) return problems.SWEEP_FILTER_WRONG.at('--only', `--only: "${part}" is no condition`)
  const [, name = '', operator = '=', value = ''] = found
  const matching = axesNamed(name, axes)
  const [axis] = matching
  const paths = axes.map(({ path }) => path)
  if (matching.length === 0 || !axis) {
    const meant = nearest(name, paths)
    const remedy = `${meant === undefined ? '' : `did you mean "${meant}"? `}The axes are ${paths.join(', ')}`
    return problems.SWEEP_FILTER_WRONG.at('--only', `--only: "${name}" is no axis of the sweep`, { remedy })
  }
  if (matching.length > 1) {
    const both = matching.map(({ path }) => path).join(' and ')
    return problems.SWEEP_FILTER_WRONG.at('--only', `--only: "${name}" may mean ${both}`)
  }
  const condition: Condition = { axis: axis.path, operator: operator as Operator, value }
  const isOrder = operator !== '=' && operator !== '!='
  if (isOrder && [value, ...axis.values].some((one) => numberOf(one) === undefined))
    return problems.SWEEP_FILTER_WRONG.at(
      '--only',
      `--only: ${operator} compares numbers, and ${axis.path} has ${axis.values.map(showValue).join(', ')}`,
      { remedy: `use = or !=: --only '${axis.path}=${showValue(axis.values[0] ?? null)}'` },
    )
  return condition
}

/** The axis of that path, or those whose last keys are that. */
export function axesNamed(name: string, axes: readonly Axis[]): readonly Axis[] {
  const named = axes.filter(({ path }) => path === name)
  return named.length > 0 ? named : axes.filter(({ path }) => path.endsWith(`.${name}`))
}

function holds({ operator, value }: Condition, is: AxisValue): boolean {
  const equals = alternativesOf(value, [showValue(is)]).some(
    (one) => isSame(showValue(is), one) || isEqualNumber(is, one),
  )
  if (operator === '=') return equals
  if (operator === '!=') return !equals
  const [a = 0, b = 0] = [numberOf(is), numberOf(value)]
  return { '<': a < b, '<=': a <= b, '>': a > b, '>=': a >= b }[operator]
}

function isEqualNumber(a: AxisValue, b: AxisValue): boolean {
  const number = numberOf(a)
  return number !== undefined && number === numberOf(b)
}

/** Numbers and sizes compare by what they mean: 128M is less than 1G. */
function numberOf(value: AxisValue): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || value.trim() === '') return undefined
  const plain = Number(value)
  return Number.isNaN(plain) ? parseBytes(value) : plain
}
