/** Numbers that an attempt has measured: from its result, its console, its channels and its files. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { defineDiagnostics } from '../diagnostics.ts'
import { sinceRestored } from '../guest/restored.ts'
import { parsePath } from '../machine/layers.ts'
import type { SweepConfig } from '../project/sweep-schema.ts'
import { folderOfGuest, type RunFolder, type RunResult } from '../runs/record.ts'
import type { Metric } from './record.ts'
import { lastMatch } from './search-number.ts'

/** A console that wrote more is not searched: a number is no needle in a haystack. */
const MOST_BYTES = 64 * 1024 * 1024

/** Metrics as the record of a sweep has them. */
export function metricsOf({ metrics }: Pick<SweepConfig, 'metrics'>): readonly Metric[] {
  return Object.entries(metrics).map(([name, given]): Metric => {
    const { path, regex, ...more } = given as {
      readonly path?: string
      readonly regex?: string
      readonly file?: string
      readonly guest?: string
      readonly unit?: string
      readonly better?: 'lower' | 'higher'
    }
    const isTime = path?.startsWith('timings.') === true && more.file === undefined
    return {
      name,
      kind: path === undefined ? 'pattern' : 'path',
      source: path ?? regex ?? '',
      ...(isTime ? { unit: 'ms', better: 'lower' as const } : {}),
      ...Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)),
    }
  })
}

export const problems = defineDiagnostics({
  SWEEP_METRIC_SLOW: {
    severity: 'warning',
    title: 'The regular expression of a metric takes too long to search for.',
    why: 'an expression such as (a+)+$ takes exponential time on some texts; the search was given up, and the attempt has no value',
    remedy: 'write the expression without a repetition inside of a repetition',
  },
})

interface Measured {
  /** The numbers that were found, by name of the metric. */
  readonly metrics: Readonly<Record<string, number>>
  /** Codes. */
  readonly findings: readonly string[]
}

export function measure(metrics: readonly Metric[], result: RunResult, run: RunFolder): Measured {
  const found: Record<string, number> = {}
  let isSlow = false
  for (const metric of metrics) {
    const value = numberFor(metric, result, run)
    if (value instanceof Slow) isSlow = true
    else if (value !== undefined) found[metric.name] = value
  }
  return { metrics: found, findings: isSlow ? [problems.SWEEP_METRIC_SLOW.code] : [] }
}

/** A search was given up. */
class Slow {}

function numberFor(metric: Metric, result: RunResult, run: RunFolder): number | Slow | undefined {
  const guests = result.guests.filter(({ guest }) => metric.guest === undefined || guest === metric.guest)
  if (metric.kind === 'path' && metric.file === undefined) {
    const ofRun = metric.guest === undefined ? [result] : []
    return first([...guests.map((one) => one.result), ...ofRun], (place) => numberAt(place, metric.source))
  }
  return first(guests, ({ guest }) => {
    const folder = folderOfGuest(run, guest).path
    if (metric.kind === 'path')
      return numberAt(parseJson(textOf(join(folder, metric.file ?? ''))), metric.source)
    const files = metric.file === undefined ? spokenFiles(folder) : [join(folder, metric.file)]
    return first(files, (file) => lastNumber(textOf(file), metric.source))
  })
}

function first<T, V>(items: readonly T[], read: (item: T) => V | undefined): V | undefined {
  for (const item of items) {
    const value = read(item)
    if (value !== undefined) return value
  }
  return undefined
}

/** What the guest has said: output of its command, console, channels. */
function spokenFiles(folder: string): readonly string[] {
  const channels = join(folder, 'channels')
  let logs: readonly string[] = []
  try {
    logs = readdirSync(channels)
      .filter((name) => name.endsWith('.log'))
      .sort()
  } catch {
    // The machine has no channels.
  }
  return [
    join(folder, 'command.log'),
    join(folder, 'console.log'),
    ...logs.map((name) => join(channels, name)),
  ]
}

function lastNumber(text: string | undefined, pattern: string): number | Slow | undefined {
  const match = text === undefined ? undefined : lastMatch(text, pattern)
  return typeof match === 'object' ? new Slow() : numberOf(match)
}

function numberAt(value: unknown, path: string): number | undefined {
  const found = parsePath(path).reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, key)
        ? (at as Readonly<Record<PropertyKey, unknown>>)[key]
        : undefined,
    value,
  )
  return numberOf(found)
}

/** Decimal, as programs print it: what follows an `x` is a digit of another base. */
const DECIMAL = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i

/** The number that a metric has for a value of the result, or for what its expression has found. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string' || !DECIMAL.test(value)) return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

function textOf(path: string): string | undefined {
  try {
    if (statSync(path).size > MOST_BYTES) return undefined
    const text = readFileSync(path, 'utf8')
    return basename(path) === 'console.log' ? sinceRestored(text) : text
  } catch {
    return undefined
  }
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}
