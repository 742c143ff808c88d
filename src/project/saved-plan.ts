/** Runs a plan that was saved as JSON: exactly that, or says what has changed since. */
import { existsSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { formatCpuList } from '../cpu-list.ts'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { readCpus } from '../host/cpus.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { type RunPlan, runOfOne } from '../plan/run-plan.ts'
import { unsealPlan } from '../plan/seal.ts'
import { findInstalled } from '../qemus/installed.ts'
import { withAddresses } from '../rack/rack-networks.ts'
import type { PlannedGuest } from './planning.ts'
import type { Project } from './project.ts'
import { planPlaced } from './replan.ts'
import type { PlannedRun } from './run-planning.ts'
import { profileOf } from './selection.ts'

export const problems = defineDiagnostics({
  PLAN_UNREADABLE: {
    title: 'A file is not a plan, or not one as it was printed.',
    why: '`run --plan` takes what `plan --json` has printed',
    remedy: 'write it anew: `bringup plan --json > plan.json`',
  },
  PLAN_OUTDATED: {
    title: 'A plan no longer fits this computer.',
    why: 'files, QEMU or bringup have changed since it was made, and another machine would run',
    remedy: 'make the plan anew: `bringup plan --json > plan.json`',
  },
  PLAN_PENDING: {
    title: 'A plan waits for work that is not done: files to fetch, build or make.',
    why: 'names and contents of such files are known only once they exist',
    remedy:
      'let `bringup run` with the same options and command do the work, or `bringup build` what the project builds; then plan again: `bringup plan --json > plan.json`',
  },
})

/** What a plan has decided: all of it has to be decided again in the same way. */
const DECIDED = [
  'args',
  'files',
  'locks',
  'stores',
  'channels',
  'joins',
  'qemu',
  'accelerator',
  'pins',
  'timeoutMs',
  'judgement',
] as const satisfies readonly (keyof GuestPlan)[]

/**
 * The plan in a text of JSON, checked against this computer as it is now.
 *
 * @throws BringupError PLAN_UNREADABLE, PLAN_PENDING; PLAN_OUTDATED with every difference; the plan's own errors
 */
export async function readSavedPlan(
  text: string,
  { project, signal }: { readonly project: Project; readonly signal: AbortSignal },
): Promise<PlannedRun> {
  const saved = parse(text)
  refusePending(saved)
  const guests = await replanGuests(saved, { project, signal })
  const changes = saved.guests.flatMap((guest, index) => changesOf(guest, guests[index]?.plan))
  if (changes.length > 0) throw new BringupError(changes)
  return { plan: { ...saved, guests: guests.map(({ plan }) => plan) }, guests }
}

function parse(text: string): RunPlan {
  const plan = unsealPlan(parseOr(text))
  if (plan) return plan
  throw new BringupError([
    problems.PLAN_UNREADABLE.at(
      '--plan',
      'the text is not a plan, or was edited after `plan --json` had printed it',
    ),
  ])
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Files that a build has made since under the same name are compared as all others. */
function refusePending({ pending }: RunPlan): void {
  const isOpen = pending.some(({ path }) => path !== undefined && !existsSync(path))
  if (!isOpen) return
  const evidence = pending.map(({ what }) => what)
  throw new BringupError([
    problems.PLAN_PENDING.at('--plan', 'the plan was made before all that it boots was there', { evidence }),
  ])
}

/**
 * The guest of one saved plan, planned for this computer as it is now.
 *
 * @throws BringupError PLAN_OUTDATED if its QEMU was removed
 */
export function replanGuest(
  saved: GuestPlan,
  around: { readonly project: Project; readonly signal: AbortSignal },
): Promise<PlannedGuest> {
  return planAgain(saved, { ...around, plan: runOfOne(saved) })
}

/**
 * The guests of a saved plan of a rack, planned for this computer as it is now.
 *
 * @throws BringupError PLAN_OUTDATED if the QEMU of one was removed
 */
export async function replanGuests(
  plan: RunPlan,
  around: { readonly project: Project; readonly signal: AbortSignal },
): Promise<readonly PlannedGuest[]> {
  const guests: PlannedGuest[] = []
  for (const guest of plan.guests) guests.push(await planAgain(guest, { ...around, plan }))
  return guests
}

/** The guest's plan as its machine would be planned now. Its place in the run stays as it was saved. */
async function planAgain(
  saved: GuestPlan,
  {
    project,
    signal,
    plan,
  }: { readonly project: Project; readonly signal: AbortSignal; readonly plan: RunPlan },
): Promise<PlannedGuest> {
  const { starting } = saved.qemu
  if (starting && !findInstalled(starting.installed)) {
    const what = `guest "${saved.guest}": its QEMU, ${starting.installed}, is not installed any more`
    throw new BringupError([problems.PLAN_OUTDATED.at('--plan', what)])
  }
  const profile = await profileOf(project, {}, saved.profile)
  const planned = await planPlaced({
    name: saved.name,
    profile,
    machine: { ...saved.machine, qemu: saved.qemu.starting?.installed ?? saved.qemu.path },
    judgement: saved.judgement,
    stateFolder: project.stateFolder,
    networks: plan.guests.flatMap(({ joins }) =>
      joins.flatMap(({ kind, resource }) => (kind === 'network' ? resource : [])),
    ),
    hostNetworks: plan.networks.flatMap(({ name, host }) => (host ? name : [])),
    signal,
  })
  const { guest, after, command, counts, placement } = saved
  // Addresses are the networks', which stay as they were saved.
  const seated = withAddresses(
    {
      ...planned.plan,
      machine: saved.machine,
      // The plan’s own QEMU was named: the reason for it is the plan’s.
      qemu: { ...planned.plan.qemu, ...(saved.qemu.because ? { because: saved.qemu.because } : {}) },
      guest,
      after,
      command,
      counts,
      ...(placement ? { placement } : {}),
    },
    plan.networks,
  )
  return { ...planned, plan: seated }
}

/** Every difference, key by key, and the errors that the machine would have now. */
function changesOf(saved: GuestPlan, now: GuestPlan | undefined): readonly Diagnostic[] {
  if (!now) return []
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null))
  const changed = DECIDED.filter((key) => !isDeepStrictEqual(plain(saved[key]), plain(now[key])))
  const errors = now.diagnostics.filter((d) => d.severity === 'error')
  const { allowed } = readCpus()
  const lost = (saved.placement?.hostCpus ?? []).filter((cpu) => !allowed.includes(cpu))
  return [
    ...(lost.length === 0
      ? []
      : [
          problems.PLAN_OUTDATED.at(
            '--plan',
            `guest "${saved.guest}" is placed on CPUs that bringup may not use now: ${formatCpuList(lost)}`,
          ),
        ]),
    ...changed.map((key) =>
      problems.PLAN_OUTDATED.at('--plan', `guest "${saved.guest}": ${key} is different now`, {
        evidence: [`saved: ${JSON.stringify(saved[key])}`, `now: ${JSON.stringify(now[key])}`],
      }),
    ),
    ...errors,
  ]
}
