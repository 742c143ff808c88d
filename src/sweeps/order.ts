/** Which attempts are to be made, and in which order. Pure. */
import { numbersFrom } from '../seeded-numbers.ts'
import type { PlannedCell } from './plan-sweep.ts'
import type { Attempt } from './record.ts'
import type { Task } from './run-attempt.ts'
import { isCounted } from './summary.ts'

/**
 * Tasks that are left: repeats that failed first, then those that have no result yet, one repeat of every cell after
 * another. An attempt with another input than the cell has now counts for nothing.
 */
export function tasksLeft(
  cells: readonly PlannedCell[],
  attempts: readonly Attempt[],
  { repeat, seed }: { readonly repeat: number; readonly seed?: number | undefined },
): readonly Task[] {
  const byRepeat = new Map<string, Attempt[]>()
  for (const one of attempts) {
    const key = `${one.cell} ${one.repeat}`
    byRepeat.set(key, [...(byRepeat.get(key) ?? []), one])
  }
  const failed: Task[] = []
  const open: Task[] = []
  for (let number = 1; number <= repeat; number++)
    for (const cell of cells) {
      if (cell.cell.impossible.length > 0) continue
      const made = byRepeat.get(`${cell.cell.key} ${number}`) ?? []
      const last = made.filter((one) => isCounted(one) && one.input === cell.cell.input).at(-1)
      const attempt = Math.max(0, ...made.map((one) => one.attempt)) + 1
      if (last === undefined) open.push({ cell, repeat: number, attempt })
      else if (last.verdict !== 'passed') failed.push({ cell, repeat: number, attempt })
    }
  return seed === undefined ? [...failed, ...open] : [...shuffle(failed, seed), ...shuffle(open, seed)]
}

/** Cells with results of another input only, for at least one repeat: their runs would replace those results. */
export function outdatedCells(
  cells: readonly PlannedCell[],
  attempts: readonly Attempt[],
): readonly PlannedCell[] {
  const counted = attempts.filter(isCounted)
  return cells.filter(({ cell }) => {
    const made = counted.filter((one) => one.cell === cell.key)
    const current = new Set(made.filter(({ input }) => input === cell.input).map(({ repeat }) => repeat))
    return made.some(({ repeat }) => !current.has(repeat))
  })
}

/** Fisher and Yates, with numbers that follow from the seed. */
function shuffle<T>(items: readonly T[], seed: number): readonly T[] {
  const random = numbersFrom(seed)
  const mixed = [...items]
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T]
  }
  return mixed
}
