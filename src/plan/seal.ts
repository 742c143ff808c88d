/** Marks a plan that is printed, so that one that was edited or cut short is not taken for the plan that was made. */
import { createHash } from 'node:crypto'
import type { RunPlan } from './run-plan.ts'

/** A plan as JSON, with the hash of everything else in it. */
export interface SealedPlan extends RunPlan {
  readonly sha256: string
}

export function sealPlan(plan: RunPlan): SealedPlan {
  return { ...plan, sha256: hashOf(plan) }
}

/**
 * The plan in a value of JSON; undefined where it is not exactly what `sealPlan` has returned. White space between values
 * does not matter.
 *
 * @example
 * unsealPlan(JSON.parse(JSON.stringify(sealPlan(plan)))) // plan
 */
export function unsealPlan(value: unknown): RunPlan | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { sha256, ...plan } = value as SealedPlan
  return sha256 === hashOf(plan) ? plan : undefined
}

const hashOf = (plan: object) => createHash('sha256').update(JSON.stringify(plan)).digest('hex')
