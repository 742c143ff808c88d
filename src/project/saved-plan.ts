/** Runs a plan that was saved as JSON: exactly that, or says what has changed since. */
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { MachineConfig } from '../machine/machine.ts'
import type { GuestPlan, Judgement } from '../plan/plan.ts'
import type { RunPlan } from '../plan/run-plan.ts'
import { withAddresses } from '../rack/rack-networks.ts'
import { type PlannedGuest, planPlaced } from './planning.ts'
import type { Project } from './project.ts'
import type { PlannedRun } from './run-planning.ts'
import { profileOf } from './selection.ts'

export const problems = defineDiagnostics({
  PLAN_UNREADABLE: {
    title: 'A file is not a plan.',
    why: '`run --plan` takes what `plan --json` has printed',
    remedy: 'write it anew: `bringup plan --json > plan.json`',
  },
  PLAN_OUTDATED: {
    title: 'A plan no longer fits this computer.',
    why: 'files, QEMU or bringup have changed since it was made, and another machine would run',
    remedy: 'make the plan anew: `bringup plan --json > plan.json`',
  },
})

const savedGuest = z.looseObject({
  guest: z.string(),
  name: z.string(),
  profile: z.string(),
  machine: z.looseObject({
    devices: z.array(z.looseObject({ kind: z.string() })),
    qemuArgs: z.array(z.string()),
  }),
  judgement: z.looseObject({}),
  args: z.array(z.array(z.string())),
})

const savedPlan = z.looseObject({
  name: z.string(),
  isRack: z.boolean(),
  networks: z
    .array(z.looseObject({ name: z.string(), ports: z.array(z.looseObject({ id: z.string() })) }))
    .default([]),
  guests: z.array(savedGuest).nonempty(),
  diagnostics: z.array(z.looseObject({ severity: z.string() })),
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
 * @throws BringupError PLAN_UNREADABLE; PLAN_OUTDATED with every difference; the plan's own errors
 */
export async function readSavedPlan(
  text: string,
  { project, signal }: { readonly project: Project; readonly signal: AbortSignal },
): Promise<PlannedRun> {
  const saved = parse(text)
  const guests: PlannedGuest[] = []
  for (const guest of saved.guests) guests.push(await planAgain(guest, { project, signal, plan: saved }))
  const changes = saved.guests.flatMap((guest, index) => changesOf(guest, guests[index]?.plan))
  if (changes.length > 0) throw new BringupError(changes)
  return { plan: { ...saved, guests: guests.map(({ plan }) => plan) }, guests }
}

function parse(text: string): RunPlan {
  try {
    return savedPlan.parse(JSON.parse(text)) as unknown as RunPlan
  } catch (cause) {
    const what = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message
    throw new BringupError([problems.PLAN_UNREADABLE.at('--plan', what)], { cause })
  }
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
  const profile = await profileOf(project, {}, saved.profile)
  const planned = await planPlaced({
    name: saved.name,
    profile,
    machine: saved.machine as MachineConfig,
    judgement: saved.judgement as Judgement,
    stateFolder: project.stateFolder,
    networks: plan.guests.flatMap(({ joins }) => joins.map(({ resource }) => resource)),
    signal,
  })
  const { guest, after, command, counts } = saved
  // Addresses are the networks', which stay as they were saved.
  const seated = withAddresses({ ...planned.plan, guest, after, command, counts }, plan.networks)
  return { ...planned, plan: seated }
}

/** Every difference, key by key, and the errors that the machine would have now. */
function changesOf(saved: GuestPlan, now: GuestPlan | undefined): readonly Diagnostic[] {
  if (!now) return []
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null))
  const changed = DECIDED.filter((key) => !isDeepStrictEqual(plain(saved[key]), plain(now[key])))
  const errors = now.diagnostics.filter((d) => d.severity === 'error')
  return [
    ...changed.map((key) =>
      problems.PLAN_OUTDATED.at('--plan', `guest "${saved.guest}": ${key} is different now`, {
        evidence: [`saved: ${JSON.stringify(saved[key])}`, `now: ${JSON.stringify(now[key])}`],
      }),
    ),
    ...errors,
  ]
}
