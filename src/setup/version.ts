/** Versions as programs say them, compared as semver does. Pure. */
import coerce from 'semver/functions/coerce.js'
import gte from 'semver/functions/gte.js'

/** The first thing that looks like a version: `QEMU emulator version 7.2.22 (Debian …)`. Undefined if nothing does. */
export function versionIn(text: string): string | undefined {
  return /\d+(?:\.\d+)+/.exec(text)?.[0] ?? /\b\d+\b/.exec(text)?.[0]
}

/** Missing parts are zero: 6 is 6.0.0. What is no version is not old. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [have, need] = [coerce(version), coerce(minimum)]
  return have === null || need === null || gte(have, need)
}
