/** Whether a metric can have a value: its path must be one of a result. */
import type * as z from 'zod'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { resultSchema } from '../guest/record.ts'
import { parsePath } from '../machine/layers.ts'
import { formatPath } from '../machine/schema-issues.ts'
import { nearest } from '../nearest.ts'
import { runResultSchema } from '../runs/record.ts'
import type { Metric } from './record.ts'

export const problems = defineDiagnostics({
  SWEEP_METRIC_UNKNOWN: {
    title: 'A metric of a sweep names a path that no result has.',
    why: 'quoted text is a path in the result; a regular expression stands between slashes, or is `{ regex }`',
    remedy: 'name a number of the result, such as timings.bootMs; `bringup run --json` prints a result',
  },
})

/** Metrics that would never have a value. */
export function checkMetrics(metrics: readonly Metric[], at: readonly PropertyKey[]): readonly Diagnostic[] {
  const results: readonly z.ZodType[] = [resultSchema, runResultSchema]
  return metrics.flatMap(({ name, kind, source, file }) => {
    // What a file of the guest holds is not known before.
    if (kind !== 'path' || file !== undefined) return []
    if (results.some((result) => canHoldNumber(result, parsePath(source)))) return []
    const place = formatPath([...at, 'metrics', name])
    return [
      problems.SWEEP_METRIC_UNKNOWN.at(
        place,
        `"${source}" is not the path of a number in a result`,
        remedyFor(metrics, source, results),
      ),
    ]
  })
}

function remedyFor(
  metrics: readonly Metric[],
  source: string,
  results: readonly z.ZodType[],
): { remedy?: string } {
  const groups = looksLikePattern(source) ? groupsOf(source) : undefined
  if (groups !== undefined) {
    const { name = '' } = metrics.find((metric) => metric.source === source) ?? {}
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name)
    const pattern = groups === 1 ? source : `${source} (\\d+)`
    const needs = groups === 1 ? '' : ', with one group around the number'
    return {
      remedy: `write a regular expression${needs}: ${key}: /${new RegExp(pattern).source}/; in JSON: ${JSON.stringify({ regex: pattern })}`,
    }
  }
  const meant = nearest(
    source,
    results.flatMap((result) => numbersIn(result)),
  )
  return meant === undefined ? {} : { remedy: `did you mean "${meant}"?` }
}

/** A path has neither spaces nor signs, but for those of a key in quotes or an index. */
const looksLikePattern = (text: string) => /[\\()*+?^$|{}\s:]/.test(text)

/** Groups of an expression; undefined if it is not an expression. */
function groupsOf(source: string): number | undefined {
  try {
    return (new RegExp(`${source}|`).exec('')?.length ?? 1) - 1
  } catch {
    return undefined
  }
}

interface Shaped {
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly element?: z.ZodType
  readonly def: { readonly type: string; readonly innerType?: z.ZodType; readonly getter?: () => z.ZodType }
}

/** What is behind `optional`, `nullable`, a default and `lazy`. */
function bare(schema: z.ZodType): Shaped {
  const shaped = schema as unknown as Shaped
  const inner = shaped.def.innerType ?? shaped.def.getter?.()
  return inner === undefined ? shaped : bare(inner)
}

function canHoldNumber(schema: z.ZodType, [key, ...rest]: readonly PropertyKey[]): boolean {
  const { shape = {}, element, def } = bare(schema)
  if (def.type === 'unknown') return true
  if (key === undefined) return def.type === 'number' || def.type === 'string'
  if (def.type === 'array')
    return typeof key === 'number' && element !== undefined && canHoldNumber(element, rest)
  const inner = Object.hasOwn(shape, key) ? shape[String(key)] : undefined
  return inner !== undefined && canHoldNumber(inner, rest)
}

/** Paths of the numbers of a result that are not in lists. */
function numbersIn(schema: z.ZodType, path = ''): readonly string[] {
  const { shape = {}, def } = bare(schema)
  if (def.type === 'number') return [path]
  return Object.entries(shape).flatMap(([key, inner]) =>
    numbersIn(inner, path === '' ? key : `${path}.${key}`),
  )
}
