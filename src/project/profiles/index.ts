/** The profiles that bringup brings along. A new operating system is one new file and its line here. */
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import type { MachineInput } from '../../machine/machine.ts'
import { nearest } from '../../nearest.ts'
import type { Profile } from '../profile.ts'

export const problems = defineDiagnostics({
  PROFILE_UNKNOWN: {
    title: 'The profile does not exist.',
    why: 'a profile defines what boots and how its end is judged',
    remedy: 'use one of the profiles listed, or add your own to `profiles` in bringup.config',
  },
})

/** Loaded when chosen, since a profile may bring much along. */
const BUILT_IN: Readonly<Record<string, () => Promise<Profile>>> = {
  bare: async () => (await import('./bare.ts')).bare,
  probe: async () => (await import('./probe.ts')).probe,
  linux: async () => (await import('./linux.ts')).linux,
  debian: async () => (await import('./debian.ts')).debian,
  nrk: async () => (await import('./nrk.ts')).nrk,
}

/** Names of the built-in profiles. */
export const BUILT_IN_NAMES = Object.keys(BUILT_IN)

/** All built-in profiles, for questions that go to each of them. */
export function loadBuiltIns(): Promise<readonly Profile[]> {
  return Promise.all(Object.values(BUILT_IN).map((load) => load()))
}

/** The profile where none is named: the bundled kernel, unless the machine says itself what it boots. */
export function defaultProfile(machine: MachineInput): string {
  const { kernel, esp, firmware } = machine.boot ?? {}
  return kernel !== undefined || esp !== undefined || firmware === 'bios' ? 'bare' : 'probe'
}

/**
 * The profile of that name: one of the project's own, else a built-in one.
 *
 * @throws BringupError PROFILE_UNKNOWN
 */
export async function findProfile(
  name: string,
  project: { readonly profiles: readonly Profile[] },
): Promise<Profile> {
  const own = project.profiles.find((p) => p.name === name)
  const profile = own ?? (Object.hasOwn(BUILT_IN, name) ? await BUILT_IN[name]?.() : undefined)
  if (profile) return profile
  const names = [...project.profiles.map((p) => p.name), ...BUILT_IN_NAMES]
  const near = nearest(name, names)
  const what = `no profile is named "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`
  const remedy = `use one of: ${names.join(', ')}; or add your own to \`profiles\` in bringup.config`
  throw new BringupError([problems.PROFILE_UNKNOWN.at('profile', what, { remedy })])
}
