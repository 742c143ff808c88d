/** What a profile's guest needs of the machine, whatever the user wrote. */
import { defineDiagnostics } from '../diagnostics.ts'
import type { Facts } from '../machine/facts.ts'
import type { Plan } from '../plan/plan.ts'
import type { Profile } from './profile.ts'

export const problems = defineDiagnostics({
  PROFILE_NEEDS_64_BIT: {
    title: 'A profile whose guest is 64-bit code, on a CPU without long mode.',
    why: 'its kernel, or the program that bringup puts into its guest, is made for x86-64',
    remedy:
      'choose a 64-bit CPU model (`--cpu qemu64`), remove `-lm` from the features, or boot a 32-bit kernel with --profile bare',
    qemu: 'misbehaves',
  },
})

/** What is only likely of any 64-bit kernel is certain of this one. */
const LIKELY = 'BOOT_KERNEL_MAY_NEED_64_BIT'

/** The plan with what the profile needs and the machine does not have. */
export function withProfileNeeds(plan: Plan, profile: Profile, { cpu }: Facts): Plan {
  if (!profile.needsLongMode || cpu?.hasLongMode !== false) return plan
  const missing = problems.PROFILE_NEEDS_64_BIT.at(
    'cpu.model',
    `profile "${profile.name}" on CPU "${cpu.name}", which has no long mode`,
  )
  return { ...plan, diagnostics: [missing, ...plan.diagnostics.filter((d) => d.code !== LIKELY)] }
}
