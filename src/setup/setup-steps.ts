/** From what is missing to the steps that install it. Pure but for the folder that a step keeps things in. */
import { randomBytes } from 'node:crypto'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { PackageFamily } from '../host/distribution.ts'
import type { Step } from '../steps/step.ts'
import type { ExaminedDependency, ExaminedSet } from './examine.ts'
import { MANAGER_OF } from './managers/index.ts'
import { keptFolder, packagesInstall } from './steps/packages-install.ts'
import { packagesLists } from './steps/packages-lists.ts'
import { packagesRepair } from './steps/packages-repair.ts'

export const problems = defineDiagnostics({
  DEPENDENCY_BY_HAND: {
    severity: 'warning',
    title: 'Something is missing that bringup cannot install here.',
    why: 'the sets are not complete without it',
    remedy: 'do what is said, then run this again',
  },
})

export interface SetupSteps {
  readonly steps: readonly Step[]
  /** What a person has to do. */
  readonly advice: readonly Diagnostic[]
}

/** @param withOptional Install what is nice to have as well. */
export function setupSteps(
  sets: readonly ExaminedSet[],
  family: PackageFamily | undefined,
  withOptional: boolean,
): SetupSteps {
  const missing = sets
    .flatMap((set) => set.dependencies)
    .filter((d) => d.mending !== undefined && (withOptional || !d.dependency.isOptional))
  const packages = unique(missing.flatMap((d) => d.mending?.packages ?? []))
  const own = unique(
    missing.flatMap((d) => d.mending?.steps ?? []),
    stepKey,
  )
  return {
    steps: [...(family && packages.length > 0 ? packageSteps(family, packages) : []), ...own],
    advice: unique(missing.flatMap(adviceFor)),
  }
}

function packageSteps(
  family: PackageFamily,
  packages: readonly (readonly [string, ...string[]])[],
): readonly Step[] {
  const manager = MANAGER_OF[family]
  const kept = keptFolder(`setup-${randomBytes(4).toString('hex')}`)
  return [
    // Mending may have to fetch what was not unpacked yet.
    packagesLists.step({ manager }),
    packagesRepair.step({ manager }),
    packagesInstall.step({ manager, packages: packages.map((names) => [...names]), kept }),
  ]
}

function adviceFor({ dependency, title, fact, mending }: ExaminedDependency): readonly Diagnostic[] {
  if (mending?.advice === undefined) return []
  const what = `${title} is ${fact.state === 'missing' ? 'missing' : 'too old'}; it ${dependency.why}`
  return [problems.DEPENDENCY_BY_HAND.at('', what, { remedy: mending.advice })]
}

/** What a step keeps for undoing is its own; two steps are the same if they do the same. */
function stepKey(step: Step): string {
  const { kept: _kept, ...params } = step.params as Record<string, unknown>
  return JSON.stringify([step.kind, params])
}

function unique<T>(
  items: readonly T[],
  key: (item: T) => string = (item) => JSON.stringify(item),
): readonly T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()]
}
