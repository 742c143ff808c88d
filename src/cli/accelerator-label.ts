/** The accelerator in two words; `bringup doctor` and `plan --json` have the whole reason. */
import type { GuestPlan } from '../plan/plan.ts'

/** `KVM`, `TCG`, or `TCG (KVM unusable: see bringup doctor)` where KVM was tried and does not work. */
export function acceleratorLabel({
  accelerator,
  accelerators,
}: Pick<GuestPlan, 'accelerator' | 'accelerators'>): string {
  const isSecondBest =
    accelerator.name === 'tcg' && accelerators.some((fact) => fact.name === 'kvm' && !fact.works)
  return `${accelerator.name.toUpperCase()}${isSecondBest ? ' (KVM unusable: see bringup doctor)' : ''}`
}
