/** The machines of a test that runs on many: the same expansion as `bringup sweep`. */
import { BringupError } from '../diagnostics.ts'
import { mergeMachine } from '../machine/flags.ts'
import type { MachineInput } from '../machine/machine.ts'
import type { Project } from '../project/project.ts'
import { sweepSchema } from '../project/sweep-schema.ts'
import { requestOfCell } from '../sweeps/cell-request.ts'
import { checkMatrix, expand } from '../sweeps/expand.ts'

/** What varies, as in `sweeps` of a config. */
export interface MachineMatrix {
  /** The machine that the axes change. Default: bringup's defaults. */
  readonly machine?: MachineInput
  /** Axes and their values: `{ numa: [1, 2], 'devices.pm0.size': ['128M', '1G'] }`. */
  readonly over: Readonly<Record<string, readonly unknown[]>>
  /** Combinations to omit. */
  readonly except?: readonly Readonly<Record<string, unknown>>[]
}

/** One machine of the matrix. */
export interface MatrixMachine {
  /** `numa=2, devices.pm0.size=1G`. */
  readonly label: string
  readonly values: Readonly<Record<string, unknown>>
  readonly machine: MachineInput
}

/**
 * Every machine of a matrix, for `test.each`: a test for each, `$label` in its name.
 *
 * @throws BringupError with every axis, value and device that is unknown
 * @example
 * const found = machines({ over: { numa: [1, 2], memory: ['256M', '1G'] }, except: [{ numa: 2, memory: '1G' }] })
 * found.map(({ label }) => label) // ['numa=1, memory=256M', 'numa=1, memory=1G', 'numa=2, memory=256M']
 */
export function machines({ machine = {}, over, except = [] }: MachineMatrix): readonly MatrixMachine[] {
  const sweep = sweepSchema.parse({ over, except })
  const wrong = checkMatrix(sweep, [])
  if (wrong.length > 0) throw new BringupError(wrong)
  const name = 'machine'
  const project: Project = {
    folder: '.',
    machines: { [name]: machine },
    racks: {},
    defaultMachine: name,
    profiles: [],
    stateFolder: '.bringup',
  }
  return expand(sweep).cells.map((cell) => {
    const request = requestOfCell({ project, name: 'machines', sweep }, cell, undefined)
    const base = request.project.machines[name] ?? machine
    return { label: cell.label, values: cell.values, machine: mergeMachine(base, request.overrides ?? {}) }
  })
}
