/** The profiles that bringup brings along. A new operating system is one new file and its line here. */
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import type { Profile } from '../profile.ts'
import { probe } from './probe.ts'

export const problems = defineDiagnostics({
  PROFILE_UNKNOWN: {
    title: 'There is no profile of that name.',
    why: 'a profile says what to boot and how to tell how it ended',
    remedy: 'use one that is named below, or add your own to `profiles` in bringup.config',
  },
})

export const BUILT_IN: readonly Profile[] = [probe]

/**
 * The profile of that name: one of the project's own, else a built-in one.
 *
 * @throws BringupError PROFILE_UNKNOWN
 */
export function findProfile(name: string, project: { readonly profiles: readonly Profile[] }): Profile {
  const known = [...project.profiles, ...BUILT_IN]
  const profile = known.find((p) => p.name === name)
  if (profile) return profile
  const names = known.map((p) => p.name).join(', ')
  throw new BringupError([problems.PROFILE_UNKNOWN.at('profile', `"${name}" is none of: ${names}`)])
}
