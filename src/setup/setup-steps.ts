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
    title: 'A dependency is missing that bringup cannot install on this computer.',
    why: 'its set is incomplete without it',
    remedy: 'follow the advice in the message, then run this again',
  },
})

export interface SetupSteps {
  readonly steps: readonly Step[]
  /** What the user has to do by hand. */
  readonly advice: readonly Diagnostic[]
}

/** @param withOptional Also install optional dependencies. */
export function setupSteps(
  sets: readonly ExaminedSet[],
  family: PackageFamily | undefined,
  withOptional: boolean,
): SetupSteps {
  const missing = sets
    .flatMap((set) => set.dependencies)
    .filter((d) => d.fix !== undefined && (withOptional || !d.dependency.isOptional))
  const packages = unique(missing.flatMap((d) => d.fix?.packages ?? []))
  const own = unique(
    missing.flatMap((d) => d.fix?.steps ?? []),
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
    // The repair may have to download packages that were not unpacked yet.
    packagesLists.step({ manager }),
    packagesRepair.step({ manager }),
    packagesInstall.step({ manager, packages: packages.map((names) => [...names]), kept }),
  ]
}

function adviceFor({ dependency, title, fact, fix }: ExaminedDependency): readonly Diagnostic[] {
  if (fix?.advice === undefined) return []
  const what = `${title} is ${fact.state === 'missing' ? 'missing' : 'too old'}; it ${dependency.why}`
  return [problems.DEPENDENCY_BY_HAND.at('', what, { remedy: fix.advice })]
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
