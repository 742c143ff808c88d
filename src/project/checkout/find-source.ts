/** What a user means by a word: a profile with a source tree, or the address of one. */
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { nearest } from '../../nearest.ts'
import type { Profile, Source } from '../profile.ts'
import { BUILT_IN_NAMES, findProfile } from '../profiles/index.ts'
import { parseGitUrl } from './git-url.ts'

export const problems = defineDiagnostics({
  CHECKOUT_SOURCE_UNKNOWN: {
    title: 'The word is neither a profile nor an address.',
    why: 'bringup must know where the source tree is',
    remedy: 'name a profile that has a source, or an address that git can clone (a folder as ./FOLDER)',
  },
  CHECKOUT_NO_SOURCE: {
    title: 'The profile has no source tree.',
    why: 'it boots a kernel of bringup, or one that the machine names',
    remedy: 'name an address instead, or add `source: { url }` to a profile of your own',
  },
})

/**
 * The source for a word.
 *
 * @throws BringupError CHECKOUT_SOURCE_UNKNOWN, CHECKOUT_NO_SOURCE
 */
export async function findSource(
  word: string,
  loadProfiles: () => Promise<readonly Profile[]>,
): Promise<Source> {
  // Whatever looks like an address is one, so that a broken config in this folder is not in its way.
  if (parseGitUrl(word) !== undefined || word.includes(':')) return { url: word }
  const profiles = await loadProfiles()
  const names = [...profiles.map((profile) => profile.name), ...BUILT_IN_NAMES]
  if (!names.includes(word)) {
    const meant = nearest(word, names)
    throw new BringupError([
      problems.CHECKOUT_SOURCE_UNKNOWN.at(
        '',
        `"${word}" is no address, and no profile: those are ${names.join(', ')}`,
        meant === undefined ? undefined : { remedy: `did you mean ${meant}?` },
      ),
    ])
  }
  const { source } = await findProfile(word, { profiles })
  if (source === undefined)
    throw new BringupError([problems.CHECKOUT_NO_SOURCE.at('', `profile "${word}" has none`)])
  return source
}
