/** Values of one axis of a sweep side by side: the first with each of the others, all else equal. Pure. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { type Comparison, comparePairs, type Pair, type Swept } from './compare.ts'
import { isSame, labelOf, showValue } from './expand.ts'
import { axesNamed } from './filter.ts'
import type { Axis, AxisValue } from './record.ts'
import { type CellSummary, summarizeSweep } from './summary.ts'

export const problems = defineDiagnostics({
  SWEEP_AXIS_UNKNOWN: {
    title: 'The values of that axis cannot be compared.',
    why: 'the sweep has no such axis, or the axis has one value only',
    remedy: 'name an axis of the sweep that has two values or more',
  },
})

/**
 * Cells that differ in the value of the axis only are compared: those with the first value, and those with each other one.
 *
 * @param name the path of the axis or its last keys, as for `--only`
 * @throws BringupError SWEEP_AXIS_UNKNOWN
 */
export function compareAxis({ record, attempts }: Swept, name: string): Comparison {
  const axis = axisNamed(name, record.axes)
  const [first = null, ...others] = axis.values
  const { cells } = summarizeSweep(record, attempts)
  const withValue = (value: AxisValue) => cells.filter(({ values }) => isSame(values[axis.path], value))
  const bases = withValue(first)
  const baseOf = new Map(bases.map((cell) => [labelWithout(axis, cell), cell]))
  const from = nameOf(axis, first)
  const sides = others.map((value) => ({ to: nameOf(axis, value), cells: withValue(value) }))
  const pairs = sides.flatMap(({ to, cells: changed }) =>
    changed.flatMap((is): readonly Pair[] => {
      const rest = labelWithout(axis, is)
      const was = baseOf.get(rest)
      const label = others.length === 1 ? rest : [to, rest].filter(Boolean).join(', ')
      return was ? [{ cell: is.key, label: label === '' ? to : label, was, is, from, to }] : []
    }),
  )
  const paired = new Set(pairs.flatMap(({ was, is }) => [was, is]))
  const alone = (all: readonly CellSummary[]) => all.flatMap((cell) => (paired.has(cell) ? [] : cell.label))
  const about = (id: string) => ({ id, name: record.name, startedAt: record.startedAt })
  return {
    before: about(from),
    after: about(sides.map(({ to }) => to).join(', ')),
    axes: record.axes,
    ...comparePairs(
      pairs,
      record.metrics,
      record.metrics.map((metric) => metric.name),
    ),
    onlyBefore: alone(bases),
    onlyAfter: alone(sides.flatMap((side) => side.cells)),
  }
}

function axisNamed(name: string, axes: readonly Axis[]): Axis {
  const found = axesNamed(name, axes)
  const [axis] = found
  if (axis && found.length === 1 && axis.values.length > 1) return axis
  const usable = axes.filter(({ values }) => values.length > 1).map(({ path }) => path)
  const what =
    found.length > 1
      ? `--axis ${name} may mean ${found.map(({ path }) => path).join(' and ')}`
      : axis
        ? `--axis ${name} has one value only, ${showValue(axis.values[0] ?? null)}`
        : `--axis ${name}: the sweep has no such axis`
  throw new BringupError([
    problems.SWEEP_AXIS_UNKNOWN.at('--axis', what, {
      remedy:
        usable.length === 0
          ? 'no axis of this sweep has two values: run a sweep with more'
          : `name one of ${usable.join(', ')}`,
    }),
  ])
}

const nameOf = ({ path }: Axis, value: AxisValue) => labelOf({ [path]: value })

const labelWithout = ({ path }: Axis, { values }: CellSummary) =>
  labelOf(Object.fromEntries(Object.entries(values).filter(([key]) => key !== path)))
