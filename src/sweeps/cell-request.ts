/** From a cell to the run that it stands for: the values of its axes laid over the machine or the rack. Pure. */
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { mergeMachine, normalSection } from '../machine/flags.ts'
import { parsePath } from '../machine/layers.ts'
import { type MachineInput, resolveMachines } from '../machine/machine.ts'
import { formatPath } from '../machine/schema-issues.ts'
import { nearest } from '../nearest.ts'
import { BUILT_IN_NAMES } from '../project/profiles/index.ts'
import type { Project } from '../project/project.ts'
import { parseRack } from '../project/rack.ts'
import type { RunRequest } from '../project/run-planning.ts'
import type { SweepConfig } from '../project/sweep-schema.ts'
import type { RackInput } from '../rack/rack-schema.ts'
import { type Combination, isSame } from './expand.ts'
import type { AxisValue } from './record.ts'

export const problems = defineDiagnostics({
  SWEEP_DEVICE_UNKNOWN: {
    title: 'An axis of a sweep names a device that the machine does not have.',
    why: 'an axis `devices.ID.KEY` changes the device with that id',
    remedy: 'give the device that id in the machine, or make the whole device the value of `devices.ID`',
  },
  SWEEP_VALUE_WRONG: {
    title: 'A value of an axis has the wrong form.',
    why: 'it takes the place of what the machine or the rack says there',
    remedy: 'correct it',
  },
  SWEEP_GUEST_UNKNOWN: {
    title: 'An axis of a sweep names a guest that the rack does not have.',
    why: 'an axis `guests.NAME.KEY` changes that guest',
    remedy: 'name one of the guests of the rack',
  },
})

/** A sweep of a project. */
export interface Swept {
  readonly project: Project
  readonly name: string
  readonly sweep: SweepConfig
}

/** Parts of a rack that an axis can name; every other axis is about the machines of its guests. */
const RACK_PARTS = new Set(['guests', 'networks', 'services', 'placement', 'passes', 'timeout'])

/**
 * The run of one cell.
 *
 * @param name under which stores, MAC addresses and locks are kept
 * @throws BringupError with what is wrong with its values
 */
export function requestOfCell(
  { project, name: sweepName, sweep }: Swept,
  { values }: Pick<Combination, 'values'>,
  name: string | undefined,
): RunRequest {
  const at = ['sweeps', sweepName, 'over']
  const place = (axis: string) => {
    const index = sweep.over[axis]?.findIndex((value) => isSame(value, values[axis])) ?? -1
    return formatPath(index === -1 ? [...at, axis] : [...at, axis, index])
  }
  const { command: given, ...axes } = values
  const command = given === undefined ? sweep.command : commandOf(given, place('command'))
  if (sweep.rack !== undefined) {
    const rack = rackOfCell({ project, name: sweep.rack, axes, command, place })
    const key = name ?? sweep.rack
    return { project: { ...project, racks: { ...project.racks, [key]: rack } }, rack: key }
  }
  const machineName = sweep.machine ?? project.defaultMachine
  const base = resolved(project, machineName)
  const changed = changedMachine(base, Object.entries(axes), { project, place })
  const machines = changed.isReduced ? { ...project.machines, [machineName]: changed.base } : project.machines
  return {
    project: { ...project, machines },
    machine: machineName,
    ...(name === undefined ? {} : { name }),
    overrides: changed.overrides,
    overridesPlace: (path) => place(axisAt(path, Object.keys(axes), changed.overrides)),
    command,
    namedAt: {
      machine: formatPath(['sweeps', sweepName, 'machine']),
      command: given === undefined ? formatPath(['sweeps', sweepName, 'command']) : place('command'),
    },
  }
}

function commandOf(value: AxisValue, at: string): readonly string[] {
  if (Array.isArray(value) && value.every((word) => typeof word === 'string')) return value
  if (typeof value === 'string') return [value]
  throw wrongValue(at, 'a command is a list of words')
}

const wrongValue = (at: string, what: string) =>
  new BringupError([problems.SWEEP_VALUE_WRONG.at(at, `${at}: ${what}`)])

function resolved(project: Project, name: string): MachineInput {
  const machines = resolveMachines(project.machines)
  return (Object.hasOwn(machines, name) ? machines[name] : undefined) ?? {}
}

interface Changed {
  readonly overrides: MachineInput
  /** The machine without the devices that a value of `false` removes. */
  readonly base: MachineInput
  readonly isReduced: boolean
}

interface Around {
  readonly project: Project
  readonly place: (axis: string) => string
}

/** @throws BringupError with every value that does not fit */
function changedMachine(
  start: MachineInput,
  axes: readonly (readonly [string, AxisValue])[],
  { project, place }: Around,
): Changed {
  const wrong: Diagnostic[] = []
  let base = start
  let overrides: MachineInput = {}
  for (const [axis, value] of axes) {
    const [section = '', ...rest] = parsePath(axis).map(String)
    if (axis === 'kernel') overrides = mergeMachine(overrides, kernelOf(value, project, place(axis)))
    else if (section !== 'devices') {
      const now = mergeMachine(base, overrides)
      const before = normalSection(section, (now as Readonly<Record<string, unknown>>)[section])
      overrides = mergeMachine(overrides, { [section]: setAt(before, rest, value) } as MachineInput)
    } else {
      const [id = '', ...keys] = rest
      const known = (mergeMachine(base, overrides).devices ?? []).find((device) => device.id === id)
      const whole = keys.length === 0
      if (whole && value === false) base = without(base, id)
      else if (whole && isObject(value)) overrides = withDevice(overrides, { ...value, id })
      else if (whole)
        wrong.push(
          problems.SWEEP_VALUE_WRONG.at(
            place(axis),
            `${place(axis)}: a device is an object, or false to remove it`,
          ),
        )
      else if (!known) wrong.push(unknownDevice(place(axis), id, base))
      else
        overrides = withDevice(overrides, { ...(setAt(known, keys, value) as object), id, kind: known.kind })
    }
  }
  if (wrong.length > 0) throw new BringupError(wrong)
  return { overrides, base, isReduced: base !== start }
}

function unknownDevice(at: string, id: string, { devices = [] }: MachineInput): Diagnostic {
  const ids = devices.flatMap((device) => device.id ?? [])
  const meant = nearest(id, ids)
  const remedy =
    meant === undefined
      ? ids.length === 0
        ? {}
        : { remedy: `use one of its ids: ${ids.join(', ')}` }
      : { remedy: `did you mean "${meant}"?` }
  return problems.SWEEP_DEVICE_UNKNOWN.at(at, `no device of the machine has the id "${id}"`, remedy)
}

/** A file, or a profile by its name: kernels of several packages are profiles of their own. */
function kernelOf(value: AxisValue, { profiles }: Project, at: string): MachineInput {
  if (typeof value !== 'string') throw wrongValue(at, 'a kernel is a file, or the name of a profile')
  const names = [...profiles.map(({ name }) => name), ...BUILT_IN_NAMES]
  return names.includes(value) ? { profile: value } : { boot: { kernel: value } }
}

function withDevice(machine: MachineInput, device: object): MachineInput {
  return mergeMachine(machine, { devices: [device] } as MachineInput)
}

function without(machine: MachineInput, id: string): MachineInput {
  const { extends: _, ...rest } = machine
  return { ...rest, devices: (machine.devices ?? []).filter((device) => device.id !== id) }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A copy with another value at a path. */
function setAt(base: unknown, path: readonly string[], value: AxisValue): unknown {
  const [key, ...rest] = path
  if (key === undefined) return value
  if (Array.isArray(base) && /^\d+$/.test(key))
    return base.map((item, index) => (index === Number(key) ? setAt(item, rest, value) : item))
  const object = isObject(base) ? base : {}
  return { ...object, [key]: setAt(object[key], rest, value) }
}

/** The axis that says what is at a path of the overrides. */
function axisAt(path: readonly PropertyKey[], axes: readonly string[], overrides: MachineInput): string {
  const [section, index, ...rest] = path
  const named =
    section === 'devices' && typeof index === 'number'
      ? ['devices', overrides.devices?.[index]?.id ?? '', ...rest]
      : path
  const text = named.map(String)
  const fits = (axis: string) => {
    const keys = parsePath(axis).map(String)
    const shared = keys.findIndex((key, i) => key !== text[i])
    return shared === -1 ? keys.length : shared
  }
  const isKernel = section === 'profile' || (section === 'boot' && index === 'kernel')
  if (isKernel && axes.includes('kernel')) return 'kernel'
  const [best] = axes.map((axis) => ({ axis, fit: fits(axis) })).toSorted((a, b) => b.fit - a.fit)
  return best && best.fit > 0 ? best.axis : text.join('.')
}

/** @throws BringupError with every value that does not fit */
function rackOfCell({
  project,
  name,
  axes,
  command,
  place,
}: {
  readonly project: Project
  readonly name: string
  readonly axes: Readonly<Record<string, AxisValue>>
  readonly command: readonly string[]
  readonly place: (axis: string) => string
}) {
  const written = Object.hasOwn(project.writtenRacks ?? {}, name) ? project.writtenRacks?.[name] : undefined
  // The planner has the finding for an unknown rack.
  if (!written) return project.racks[name] as NonNullable<Project['racks'][string]>
  const own = Object.entries(axes)
  const isOfRack = ([axis]: readonly [string, AxisValue]) => RACK_PARTS.has(String(parsePath(axis)[0]))
  const isOfGuest = ([axis]: readonly [string, AxisValue]) => /^guests\.[^.]+\.machine\./.test(axis)
  let rack: RackInput = written
  const unknown = own.filter(isOfRack).flatMap(([axis]) => unknownGuest(axis, written, place))
  if (unknown.length > 0) throw new BringupError(unknown)
  for (const [axis, value] of own.filter((one) => isOfRack(one) && !isOfGuest(one)))
    rack = setAt(rack, parsePath(axis).map(String), value) as RackInput
  const guests = Object.entries(rack.guests).map(([guest, config]) => {
    const named = typeof config.machine === 'string' ? config.machine : project.defaultMachine
    const base = isObject(config.machine)
      ? described(project, config.machine as MachineInput)
      : resolved(project, named)
    const ofThis = own.flatMap((one): readonly (readonly [string, AxisValue])[] => {
      const [axis, value] = one
      const prefix = `guests.${guest}.machine.`
      if (axis.startsWith(prefix)) return [[axis.slice(prefix.length), value]]
      return isOfRack(one) ? [] : [one]
    })
    const commands = command.length > 0 && config.command === undefined ? { command: [...command] } : {}
    if (ofThis.length === 0) return [guest, { ...config, ...commands }]
    const { overrides, base: reduced } = changedMachine(base, ofThis, {
      project,
      place: (axis) => place(Object.hasOwn(axes, axis) ? axis : `guests.${guest}.machine.${axis}`),
    })
    return [guest, { ...config, ...commands, machine: mergeMachine(reduced, overrides) }]
  })
  return parseRack({ ...rack, guests: Object.fromEntries(guests) }, ['racks', name])
}

/** A description inside the rack, with what it extends. */
function described(project: Project, machine: MachineInput): MachineInput {
  const key = 'machine of the rack'
  return resolveMachines({ ...project.machines, [key]: machine })[key] ?? machine
}

function unknownGuest(
  axis: string,
  { guests }: RackInput,
  place: (axis: string) => string,
): readonly Diagnostic[] {
  const [part, guest] = parsePath(axis).map(String)
  if (part !== 'guests' || guest === undefined || Object.hasOwn(guests, guest)) return []
  const names = Object.keys(guests)
  const meant = nearest(guest, names)
  const remedy = meant === undefined ? `use one of: ${names.join(', ')}` : `did you mean "${meant}"?`
  return [problems.SWEEP_GUEST_UNKNOWN.at(place(axis), `the rack has no guest "${guest}"`, { remedy })]
}
