/** Plans every cell of a sweep before the first one runs. Reads, never acts. */
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { startReadingLocks } from '../host/file-locks.ts'
import { portsOf } from '../plan/place.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { errorsOf } from '../plan/run-plan.ts'
import { type PlannedRun, planOnly } from '../project/run-planning.ts'
import { demandOf } from '../rack/demand.ts'
import { readingOnce } from '../read-once.ts'
import { type CellInput, digestOfInput, inputOf } from './cell-input.ts'
import { requestOfCell, type Swept } from './cell-request.ts'
import type { Combination } from './expand.ts'
import type { Cell } from './record.ts'

/** A cell with its plan. */
export interface PlannedCell {
  readonly cell: Cell
  readonly combination: Combination
  /** Absent for an impossible cell. */
  readonly planned?: PlannedRun
  /** What the digest in the cell was made of. Absent for an impossible cell. */
  readonly input?: CellInput
  readonly warnings: readonly Diagnostic[]
  /** Files and ports that only one run at a time can use. */
  readonly exclusive: readonly string[]
  /** What the guest writes lies in stores of its own, which every attempt gets anew. */
  readonly hasStores: boolean
}

/** What QEMU needs besides the RAM of the guest. */
const OVERHEAD_BYTES = 160 * 1024 * 1024

export interface SweepPlanning {
  readonly signal?: AbortSignal
  readonly progress?: (done: number, of: number) => void
}

/** Plans the cells one after the other. What is wrong with one is part of it and throws nothing. */
export async function planCells(
  swept: Swept,
  cells: readonly Combination[],
  planning: SweepPlanning = {},
): Promise<readonly PlannedCell[]> {
  return readingOnce(() => planEach(swept, cells, planning))
}

async function planEach(
  swept: Swept,
  cells: readonly Combination[],
  { signal, progress }: SweepPlanning,
): Promise<readonly PlannedCell[]> {
  const locks = startReadingLocks()
  const planned: PlannedCell[] = []
  for (const combination of cells) {
    signal?.throwIfAborted()
    try {
      const request = requestOfCell(swept, combination, nameOfCell(swept.name, combination.key))
      planned.push(
        plannedCell(combination, await planOnly({ ...request, locks, ...(signal ? { signal } : {}) })),
      )
    } catch (error) {
      if (!(error instanceof BringupError)) throw error
      planned.push(impossibleCell(combination, error.diagnostics))
    }
    progress?.(planned.length, cells.length)
  }
  return planned
}

/** Under which the guests of a cell keep stores and addresses. */
export function nameOfCell(sweep: string, key: string): string {
  return `${sweep}.${key}`
}

function plannedCell(combination: Combination, planned: PlannedRun): PlannedCell {
  const errors = errorsOf(planned.plan)
  if (errors.length > 0) return impossibleCell(combination, errors)
  const { guests, diagnostics } = planned.plan
  const input = inputOf(planned)
  const demands = guests.flatMap((guest) => demandOf(guest, undefined).parts)
  return {
    combination,
    cell: {
      ...combination,
      input: digestOfInput(input),
      cores: demands.reduce((sum, { cpus }) => sum + cpus.length, 0),
      bytes: demands.reduce((sum, { bytes }) => sum + bytes, guests.length * OVERHEAD_BYTES),
      impossible: [],
    },
    planned,
    input,
    warnings: diagnostics.filter(({ severity }) => severity === 'warning'),
    exclusive: guests.flatMap(exclusiveOf),
    hasStores: guests.some(({ stores, name }) =>
      stores.some(({ path }) => path.includes(`/stores/${name}/`)),
    ),
  }
}

function impossibleCell(combination: Combination, errors: readonly Diagnostic[]): PlannedCell {
  const impossible = errors.map(({ evidence, ...rest }) => ({
    ...rest,
    ...(evidence ? { evidence: [...evidence] } : {}),
  }))
  const cell = { ...combination, cores: 0, bytes: 0, impossible }
  return { combination, cell, warnings: [], exclusive: [], hasStores: false }
}

function exclusiveOf({ locks, stores, machine, name }: GuestPlan): readonly string[] {
  const isOwn = (path: string) => path.includes(`/stores/${name}/`)
  const files = [...locks.filter(({ mode }) => mode === 'exclusive'), ...stores].map(({ path }) => path)
  const ports = portsOf(machine).flatMap(({ port }) => (port > 0 ? [`port ${port}`] : []))
  return [...new Set([...files.filter((path) => !isOwn(path)), ...ports])]
}

/** Findings that several cells have in common. */
export interface FindingGroup {
  readonly finding: Diagnostic
  /** Labels of the cells. */
  readonly cells: readonly string[]
  /** What they have in common, and no other cell has: `numa=8, qemu=7.2`. Empty where nothing tells them apart. */
  readonly common: string
}

/** Findings of all cells, each once, with the cells that have it. */
export function groupFindings(
  cells: readonly PlannedCell[],
  findingsOf: (cell: PlannedCell) => readonly Diagnostic[],
): readonly FindingGroup[] {
  const groups = new Map<string, { finding: Diagnostic; cells: PlannedCell[] }>()
  for (const cell of cells)
    for (const finding of findingsOf(cell)) {
      const key = JSON.stringify([finding.code, finding.path, finding.what])
      const group = groups.get(key) ?? { finding, cells: [] }
      if (group.cells.at(-1) !== cell) group.cells.push(cell)
      groups.set(key, group)
    }
  return [...groups.values()].map(({ finding, cells: affected }) => ({
    finding,
    cells: affected.map(({ cell }) => cell.label),
    common: commonOf(affected, cells),
  }))
}

function commonOf(affected: readonly PlannedCell[], all: readonly PlannedCell[]): string {
  const values = (cells: readonly PlannedCell[], axis: string) => [
    ...new Set(cells.map(({ combination }) => JSON.stringify(combination.values[axis]))),
  ]
  const axes = Object.keys(all[0]?.combination.values ?? {})
  const telling = axes
    .map((axis) => ({ axis, of: values(affected, axis) }))
    .filter(({ axis, of }) => of.length < values(all, axis).length)
  const hasThem = ({ combination }: PlannedCell) =>
    telling.every(({ axis, of }) => of.includes(JSON.stringify(combination.values[axis])))
  if (telling.length === 0 || all.filter(hasThem).length !== affected.length) return ''
  const show = (text: string) => text.replace(/^"(.*)"$/, '$1')
  return telling.map(({ axis, of }) => `${axis}=${of.map(show).join('|')}`).join(', ')
}
