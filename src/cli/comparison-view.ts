/** How the terminal shows what `--verify` found. */
import type { GuestResult } from '../guest/record.ts'
import { roundSize } from '../units.ts'
import { formatTable } from './table.ts'
import type { Page } from './width.ts'

/** The rows, and one line for each reason why something was not compared. */
export function comparisonView(result: GuestResult, page: Page): string {
  const { colors } = page
  const rows = (result.comparison ?? []).map((c) => [
    c.ok ? colors.green('✓') : colors.red('✗'),
    c.device,
    c.aspect,
    c.ok ? roundSize(c.want) : c.want,
    c.by,
    c.ok ? '' : colors.red(`saw ${c.got ?? 'nothing'}`),
  ])
  const table =
    rows.length > 0 ? [formatTable(['', 'device', 'what', 'asked for', 'seen by', ''], rows, page)] : []
  return [...table, ...notComparedLines(result).map((line) => colors.dim(line))].join('\n')
}

/** `not compared: cpu model EPYC, watchdog wd0 action reset (reason)`. */
export function notComparedLines({ notCompared = [] }: Pick<GuestResult, 'notCompared'>): readonly string[] {
  const groups = new Map<string, string[]>()
  for (const { device, aspect, because } of notCompared)
    groups.set(because, [...(groups.get(because) ?? []), `${device} ${aspect}`])
  return [...groups].map(([because, all]) => `not compared: ${all.join(', ')} (${because})`)
}
