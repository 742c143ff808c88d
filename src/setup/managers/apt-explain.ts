/** What apt's and dpkg's last words mean. The messages are apt's (LC_ALL=C), seen from apt 2.6. */
import type { Diagnostic } from '../../diagnostics.ts'
import { explainWith, type Meaning } from './explain.ts'
import { problems } from './problems.ts'

const MEANINGS: readonly Meaning[] = [
  [/No space left on device|You don't have enough free space/, problems.PACKAGES_NO_SPACE],
  [/^E: (Could not get lock|Unable to (acquire the dpkg frontend )?lock)/, problems.PACKAGES_LOCKED],
  [/^E: dpkg was interrupted/, problems.PACKAGES_INTERRUPTED],
  [/^E: Held packages were changed/, problems.PACKAGES_HELD],
  [/^E: Packages need to be removed but remove is disabled/, problems.PACKAGES_WOULD_GO],
  [/^E: Unable to locate package|^E: Package '.*' has no installation candidate/, problems.PACKAGE_UNKNOWN],
  [/\b404 {2}Not Found/, problems.PACKAGES_GONE],
  [
    /Temporary failure resolving|Could not resolve|Could not connect|Network is unreachable|Connection (failed|timed out|refused)/,
    problems.PACKAGES_NO_NETWORK,
  ],
  [/have unmet dependencies|^E: Unable to correct problems/, problems.PACKAGES_UNMET],
]

/** Pure. Empty when nothing of it is known. */
export function explainApt(lines: readonly string[]): readonly Diagnostic[] {
  return explainWith(MEANINGS, lines)
}
