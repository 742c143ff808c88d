/** Plans runs: of one machine, or of a rack with the machines that run together. Reads, never acts. */
import { resolve } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics, isClean } from '../diagnostics.ts'
import { readTopology } from '../host/topology.ts'
import type { MachineInput } from '../machine/machine.ts'
import { formatPath } from '../machine/schema-issues.ts'
import { nearest } from '../nearest.ts'
import { gatherFacts } from '../plan/gather.ts'
import type { Condition, GuestPlan } from '../plan/plan.ts'
import { type RunPlan, runOfOne, runOfRack } from '../plan/run-plan.ts'
import { type Demand, demandOf } from '../rack/demand.ts'
import { guestNames, placeName } from '../rack/guest-names.ts'
import { type Placement, placementOf } from '../rack/placement-schema.ts'
import { planNetworks, withAddresses } from '../rack/rack-networks.ts'
import { checkRack, checkTogether } from '../rack/rack-rules.ts'
import type { RackConfig, RackGuestConfig } from '../rack/rack-schema.ts'
import { checkUnjoined } from '../rack/unjoined.ts'
import { placeRack } from './place-rack.ts'
import { describeRun, type PlannedGuest, type PlanningRequest, planGuest, previewGuest } from './planning.ts'
import type { Project } from './project.ts'

export const problems = defineDiagnostics({
  RACK_UNKNOWN: {
    title: 'The project has no rack of that name.',
    why: '--rack names one of the racks in bringup.config',
    remedy: 'describe it in bringup.config: { racks: { NAME: { guests: { … } } } }',
  },
})

/** What to run: a rack, or else one machine. */
export interface RunRequest extends PlanningRequest {
  /** Name of a rack of the project. */
  readonly rack?: string
}

/** The plan of a run, and those of its guests with what they were made from. */
export interface PlannedRun {
  readonly plan: RunPlan
  readonly guests: readonly PlannedGuest[]
}

/**
 * Makes the plan of a run. What the profiles boot is prepared first, unless the description is wrong: then the plan has
 * the findings, and nothing was fetched or made.
 *
 * Problems that leave no machine to speak of (unknown keys, names, no QEMU) throw, all at once; problems of a machine
 * that could be compiled are in `plan.diagnostics`.
 *
 * @throws BringupError
 * @example
 * const { plan } = await planRun({ project: await loadProject({ cwd: '.' }), overrides: { memory: '1G' } })
 * console.log(plan.guests[0]?.argv.join(' '))
 */
export async function planRun(request: RunRequest): Promise<PlannedRun> {
  const early = await planOnly(request)
  if (early.plan.pending.length === 0 || !isClean(early.plan.diagnostics)) return early
  return planAll(request, planGuest)
}

/**
 * Makes the plan that `planRun` would make, and neither builds, fetches nor makes anything for it: what a run would have
 * to do first is in `plan.pending`, and rules about those files wait.
 *
 * @throws BringupError as `planRun` does
 * @example
 * const { plan } = await planOnly({ project: await loadProject({ cwd: process.cwd() }) })
 * plan.pending.map((item) => item.what)
 */
export async function planOnly(
  request: RunRequest,
  { wantsSizes = false }: { readonly wantsSizes?: boolean } = {},
): Promise<PlannedRun> {
  return planAll(request, (one) => previewGuest(one, { wantsSizes }))
}

/**
 * What the guests of a run need of this computer, from the descriptions alone; starts no QEMU.
 *
 * @throws BringupError with unknown racks, machines, profiles and keys
 */
export async function describeDemands(request: RunRequest): Promise<readonly Demand[]> {
  const { rack: name, project } = request
  if (name === undefined) {
    const machine = request.machine ?? project.defaultMachine
    const described = await describeRun({ ...request, machine })
    return [demandOf({ guest: machine, name: machine, machine: described.machine }, undefined)]
  }
  const rack = needRack(project, name)
  const found = checkRack(rack, ['racks', name])
  if (!isClean(found)) throw new BringupError(found)
  const demands: Demand[] = []
  for (const { request: one, seat, placement } of requestsOf(request, name, rack)) {
    const { machine } = await describeRun(one)
    demands.push(demandOf({ guest: seat.guest, name: placeName(name, seat.guest), machine }, placement))
  }
  return demands
}

type PlanOne = (request: PlanningRequest) => Promise<PlannedGuest>

async function planAll(request: RunRequest, planOne: PlanOne): Promise<PlannedRun> {
  if (request.rack === undefined) {
    const { plan, ...planned } = await planOne(request)
    const guest = { ...planned, plan: { ...plan, command: request.command ?? [] } }
    return { plan: runOfOne(guest.plan), guests: [guest] }
  }
  const { rack: name, project } = request
  const rack = needRack(project, name)
  const at = ['racks', name]
  const found = checkRack(rack, at)
  if (!isClean(found)) throw new BringupError(found)
  const seats = requestsOf(request, name, rack)
  const { guests: seated, diagnostics: unplaced } = placeRack(
    await planGuests(seats, planOne),
    seats.map(({ placement }) => placement),
    { topology: readTopology, at },
  )
  const { networks, diagnostics } = planNetworks(
    rack,
    seated.map(({ plan }) => plan),
    at,
    project.folder,
  )
  const guests = seated.map((guest) => ({ ...guest, plan: withAddresses(guest.plan, networks) }))
  const plans = guests.map(({ plan }) => plan)
  return {
    plan: runOfRack(name, { guests: plans, networks, services: servicesOf(rack, project.folder) }, [
      ...checkTogether(plans),
      ...unplaced,
      ...diagnostics,
      ...checkUnjoined(rack, plans, hostFacts, { folder: project.folder, at }),
    ]),
    guests,
  }
}

const hostFacts = (files: readonly string[]) => gatherFacts(files, { accelerators: [] })

/** One after the other: two guests that need the same image prepare it once. */
async function planGuests(seats: readonly SeatRequest[], planOne: PlanOne): Promise<readonly PlannedGuest[]> {
  const guests: PlannedGuest[] = []
  const wrong: Diagnostic[] = []
  for (const { request, seat } of seats) {
    try {
      const planned = await planOne(request)
      guests.push({ ...planned, plan: { ...planned.plan, ...seat } })
    } catch (error) {
      if (!(error instanceof BringupError)) throw error
      wrong.push(...error.diagnostics)
    }
  }
  if (wrong.length === 0) return guests
  // Guests of one description have the same problems.
  throw new BringupError([...new Map(wrong.map((d) => [JSON.stringify(d), d])).values()])
}

/** A guest of a rack: how its machine is planned, and its place in the run. */
interface SeatRequest {
  readonly request: PlanningRequest
  readonly seat: Pick<GuestPlan, 'guest' | 'after' | 'command' | 'counts'>
  readonly placement: Placement | undefined
}

function requestsOf(request: RunRequest, rackName: string, rack: RackConfig): readonly SeatRequest[] {
  const { project, signal, progress, locks } = request
  return Object.entries(rack.guests).flatMap(([key, config]) =>
    guestNames(key, config.count).map((guest): SeatRequest => {
      const name = placeName(rackName, guest)
      return {
        request: {
          ...machineOf(project, name, config, ['racks', rackName, 'guests', key]),
          name,
          ...(config.profile === undefined ? {} : { profile: config.profile }),
          overrides: connected(config, rack),
          overridesPlace: (path) => placeInRack(path, { rack: rackName, key, nics: config.nics.length }),
          namedAt: {
            machine: formatPath(['racks', rackName, 'guests', key, 'machine']),
            command: formatPath(['racks', rackName, 'guests', key, 'command']),
          },
          memories: rack.memory,
          networks: Object.keys(rack.networks),
          hostNetworks: Object.keys(rack.networks).filter((one) => rack.networks[one]?.host),
          command: config.command,
          ...(signal ? { signal } : {}),
          ...(progress ? { progress } : {}),
          ...(locks ? { locks } : {}),
        },
        seat: {
          guest,
          after: conditionsOf(config, rack),
          command: config.command,
          counts: rack.passes === 'all' || rack.passes.includes(key),
        },
        placement: placementOf(rack.placement, config.placement),
      }
    }),
  )
}

/** A machine that is described in the rack becomes one of the project, under the name of the guest. */
function machineOf(
  project: Project,
  name: string,
  { machine }: RackGuestConfig,
  at: readonly PropertyKey[],
): Pick<PlanningRequest, 'project' | 'machine' | 'describedAt'> {
  if (machine === undefined) return { project }
  if (typeof machine === 'string') return { project, machine }
  return {
    project: { ...project, machines: { ...project.machines, [name]: machine } },
    machine: name,
    describedAt: { [name]: [...at, 'machine'] },
  }
}

function servicesOf({ services }: RackConfig, folder: string): RunPlan['services'] {
  return Object.entries(services).map(([name, service]) => ({
    name,
    ...service,
    cwd: resolve(folder, service.cwd ?? '.'),
  }))
}

/** What the rack adds to the machine of a guest. */
function connected({ nics, memory }: RackGuestConfig, { timeout }: RackConfig): MachineInput {
  const devices = [...nics.map(cardOf), ...memory.map((id) => ({ kind: 'ivshmem', id, memory: id }) as const)]
  return {
    ...(devices.length === 0 ? {} : { devices }),
    ...(timeout === undefined ? {} : { timeout: timeout / 1000 }),
  }
}

function cardOf(nic: RackGuestConfig['nics'][number]) {
  const card = typeof nic === 'string' ? { network: nic } : nic
  return { kind: 'nic' as const, id: card.network, ...card }
}

/** Where the rack says what `connected` adds. */
function placeInRack(
  path: readonly PropertyKey[],
  { rack, key, nics }: { readonly rack: string; readonly key: string; readonly nics: number },
): string {
  if (path[0] === 'timeout') return formatPath(['racks', rack, 'timeout'])
  const at = ['racks', rack, 'guests', key]
  const index = path[1]
  if (path[0] !== 'devices' || typeof index !== 'number') return formatPath(at)
  return formatPath([...at, ...(index < nics ? ['nics', index] : ['memory', index - nics])])
}

/** A condition on an entry with a count holds for each of its guests. */
function conditionsOf({ after }: RackGuestConfig, { guests }: RackConfig): readonly Condition[] {
  return Object.entries(after).flatMap(([key, condition]) =>
    guestNames(key, guests[key]?.count ?? 1).map((guest) => ({ guest, ...condition })),
  )
}

/** @throws BringupError RACK_UNKNOWN */
function needRack({ racks }: Project, name: string): RackConfig {
  const found = Object.hasOwn(racks, name) ? racks[name] : undefined
  if (found) return found
  const names = Object.keys(racks)
  const near = nearest(name, names)
  const what = `no rack is named "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`
  const remedy = names.length === 0 ? {} : { remedy: `use one of: ${names.join(', ')}` }
  throw new BringupError([problems.RACK_UNKNOWN.at('--rack', what, remedy)])
}
