/** From a sweep to its cells: every combination of the values of its axes, but those that are excepted. Pure. */
import { hash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { oneLine } from '../guest-text.ts'
import { formatPath } from '../machine/schema-issues.ts'
import { nearest } from '../nearest.ts'
import type { SweepConfig } from '../project/sweep-schema.ts'
import type { Axis, AxisValue } from './record.ts'

export const problems = defineDiagnostics({
  SWEEP_VALUE_TWICE: {
    title: 'An axis of a sweep has a value twice.',
    why: 'both would be the same cell',
    remedy: 'remove one of them; `repeat` runs each cell several times',
  },
  SWEEP_AXES_OVERLAP: {
    title: 'One axis of a sweep is a part of another.',
    why: 'the value of one would replace that of the other, and cells would not have the values that they name',
    remedy: 'use one of them, with whole values such as { count: 2 }',
  },
  SWEEP_EXCEPT_UNKNOWN: {
    title: '`except` of a sweep names an axis or a value that the sweep does not have.',
    why: 'the entry would omit nothing',
    remedy: 'name an axis of `over` and one of its values',
  },
  SWEEP_EMPTY: {
    title: 'A sweep has no cells left.',
    why: '`except` and `--only` omit every combination',
    remedy: 'loosen them',
  },
  SWEEP_TOO_LARGE: {
    title: 'A sweep has more cells than bringup plans.',
    why: 'every cell is planned before the first one runs',
    remedy: 'use fewer axes or values, or several sweeps',
  },
})

/** A combination of values. */
export interface Combination {
  /** Short digest of the values. */
  readonly key: string
  readonly label: string
  readonly values: Readonly<Record<string, AxisValue>>
}

export interface Expansion {
  readonly axes: readonly Axis[]
  readonly cells: readonly Combination[]
}

const MOST_CELLS = 50_000

/** What expansion needs of a sweep. */
export type Matrix = Pick<SweepConfig, 'over' | 'except'>

/** Every cell in the order of the axes: the last one varies fastest. */
export function expand({ over, except }: Matrix): Expansion {
  const axes = Object.entries(over).map(([path, values]) => ({ path, values }))
  const rows = axes.reduce<readonly Record<string, AxisValue>[]>(
    (before, { path, values }) => before.flatMap((row) => values.map((value) => ({ ...row, [path]: value }))),
    [{}],
  )
  const isExcepted = (row: Readonly<Record<string, AxisValue>>) =>
    except.some((entry) => Object.entries(entry).every(([path, value]) => isSame(row[path], value)))
  return {
    axes,
    cells: rows
      .filter((row) => !isExcepted(row))
      .map((values) => ({ key: keyOf(values), label: labelOf(values), values })),
  }
}

/** What is wrong with the matrix itself. @param at path of the sweep, such as `['sweeps', 'numa']` */
export function checkMatrix({ over, except }: Matrix, at: readonly PropertyKey[]): readonly Diagnostic[] {
  const count = Object.values(over).reduce((product, values) => product * values.length, 1)
  const place = (...path: readonly PropertyKey[]) => formatPath([...at, ...path])
  const paths = Object.keys(over)
  return [
    ...paths.flatMap((axis) => {
      const whole = paths.find((other) => axis.startsWith(`${other}.`))
      if (whole === undefined) return []
      return [problems.SWEEP_AXES_OVERLAP.at(place('over', axis), `"${axis}" is a part of "${whole}"`)]
    }),
    ...Object.entries(over).flatMap(([axis, values]) =>
      values.flatMap((value, index) => {
        const first = values.findIndex((other) => isSame(other, value))
        if (first === index) return []
        const path = place('over', axis, index)
        return [problems.SWEEP_VALUE_TWICE.at(path, `${axis} has the value ${showValue(value)} twice`)]
      }),
    ),
    ...except.flatMap((entry, index) =>
      Object.entries(entry).flatMap(([axis, value]) => {
        const path = place('except', index, axis)
        const values = Object.hasOwn(over, axis) ? over[axis] : undefined
        if (values === undefined) {
          const meant = nearest(axis, Object.keys(over))
          const remedy = `${meant === undefined ? '' : `did you mean "${meant}"? `}The axes are ${Object.keys(over).join(', ')}`
          return [problems.SWEEP_EXCEPT_UNKNOWN.at(path, `"${axis}" is no axis of the sweep`, { remedy })]
        }
        if (values.some((one) => isSame(one, value))) return []
        const what = `no cell has ${axis}=${showValue(value)}`
        return [
          problems.SWEEP_EXCEPT_UNKNOWN.at(path, what, {
            remedy: `use one of its values: ${values.map(showValue).join(', ')}`,
          }),
        ]
      }),
    ),
    ...(count > MOST_CELLS
      ? [
          problems.SWEEP_TOO_LARGE.at(
            place('over'),
            `the axes make ${count} cells, and at most ${MOST_CELLS} are planned`,
          ),
        ]
      : []),
  ]
}

/** A value of a config may be written as a number or as text: `8` and `'8'` are one value. */
export function isSame(a: unknown, b: unknown): boolean {
  const plain = (value: unknown) =>
    typeof value === 'number' || typeof value === 'string' ? String(value) : value
  return isDeepStrictEqual(plain(a), plain(b))
}

/** On one line, with control characters escaped. */
export function showValue(value: AxisValue): string {
  return oneLine(typeof value === 'string' ? value : JSON.stringify(value))
}

/** For labels and tables, where an empty text and blanks at its ends are invisible. */
export function quotedValue(value: AxisValue): string {
  const text = showValue(value)
  return text === '' || text !== text.trim() ? `"${text}"` : text
}

/** `numa=4, memory=1G` */
export function labelOf(values: Readonly<Record<string, AxisValue>>): string {
  return Object.entries(values)
    .map(([path, value]) => `${path}=${quotedValue(value)}`)
    .join(', ')
}

function keyOf(values: Readonly<Record<string, AxisValue>>): string {
  const sorted = Object.entries(values).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return hash('sha256', JSON.stringify(sorted)).slice(0, 12)
}
