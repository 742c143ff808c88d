/** What the subcommands of `bringup sweep` share. */
import { readAttempts, readSweep, type SweepFolder } from '../../../sweeps/record.ts'
import { summarizeSweep } from '../../../sweeps/summary.ts'
import { usageError } from '../../usage.ts'

/** A sweep as JSON. */
export function readWhole(folder: SweepFolder) {
  const record = readSweep(folder)
  const attempts = readAttempts(folder)
  return { record, attempts, summary: summarizeSweep(record, attempts) }
}

export const SWEEP_ARGUMENT = {
  name: '[sweep]',
  description: 'id, name in the config, label of a baseline, or `last` (default)',
  from: 'sweep records',
} as const

/** @throws usage error */
export function countOf(option: string, value: unknown): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^[1-9]\d{0,8}$/.test(value)) return Number(value)
  throw usageError(`${option} wants a whole number from 1 on, not "${String(value)}"`)
}
