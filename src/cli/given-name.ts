/** Names that users give to runs and saved states. */
import { usageError } from './usage.ts'

/** A plain name of a file. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/

/** @throws usage error for a name that cannot be typed as one word, or that means something else */
export function requireName(place: string, name: string): void {
  if (name === 'last') throw usageError(`${place} last: "last" means the newest`, 'choose another name')
  if (!NAME.test(name) || name.endsWith('.part'))
    throw usageError(
      `${place} ${name === '' ? '""' : name} is not a name`,
      'use up to 63 letters, digits, "-", "_" and ".", begin with a letter or digit, and do not end with ".part"',
    )
}
