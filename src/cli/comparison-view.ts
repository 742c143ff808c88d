/** How the terminal shows what `--verify` found. */
import type { RunResult } from '../runs/record.ts'
import type { Output } from './output.ts'
import { formatTable } from './table.ts'

/** The rows, and one line for each reason why something was not compared. */
export function comparisonView(result: RunResult, colors: Output['colors']): string {
  const rows = (result.comparison ?? []).map((c) => [
    c.ok ? colors.green('✓') : colors.red('✗'),
    c.device,
    c.aspect,
    c.want,
    c.by,
    c.ok ? '' : colors.red(`saw ${c.got ?? 'nothing'}`),
  ])
  const table =
    rows.length > 0 ? [formatTable(['', 'device', 'what', 'asked for', 'seen by', ''], rows, colors)] : []
  return [...table, ...notComparedLines(result).map((line) => colors.dim(line))].join('\n')
}

/** `not compared: cpu model EPYC, watchdog wd0 action reset (reason)`. */
export function notComparedLines({ notCompared = [] }: Pick<RunResult, 'notCompared'>): readonly string[] {
  const groups = new Map<string, string[]>()
  for (const { device, aspect, because } of notCompared)
    groups.set(because, [...(groups.get(because) ?? []), `${device} ${aspect}`])
  return [...groups].map(([because, all]) => `not compared: ${all.join(', ')} (${because})`)
}
