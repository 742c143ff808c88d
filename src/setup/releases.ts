/** Which releases of distributions the names of packages are known for. Others are warned about, not refused. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { DistributionFact } from '../host/distribution.ts'

export const problems = defineDiagnostics({
  DISTRIBUTION_RELEASE_UNKNOWN: {
    severity: 'warning',
    title: 'This release of the distribution is older or newer than the releases that bringup supports.',
    why: 'packages may have other names in this release; missing names are reported before anything is changed',
    remedy: 'continue; for a package that is not found, the message lists similar names',
  },
  DISTRIBUTION_UNKNOWN: {
    severity: 'warning',
    title: 'This distribution is unsupported.',
    why: 'bringup does not know its package names and package manager',
    remedy: 'install by hand what `bringup doctor` lists as missing',
  },
})

/** Oldest and newest, by `ID` and `VERSION_ID` of os-release(5). Rolling distributions have none. */
const KNOWN: Readonly<Record<string, readonly [string, string]>> = {
  debian: ['12', '13'],
  ubuntu: ['22.04', '26.04'],
  fedora: ['40', '44'],
  'opensuse-leap': ['15.6', '16.0'],
  alpine: ['3.20', '3.23'],
}

/** Undefined when it is known, or rolling. Pure. */
export function releaseProblem({ id, name, version, family }: DistributionFact): Diagnostic | undefined {
  if (family === undefined) return problems.DISTRIBUTION_UNKNOWN.at('', `${name} is not known`)
  const [oldest, newest] = KNOWN[id] ?? []
  if (oldest === undefined || newest === undefined || version === '') return undefined
  const compare = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })
  // Alpine's 3.20.3 is of 3.20.
  const release = version.split('.').slice(0, oldest.split('.').length).join('.')
  if (compare(release, oldest) < 0)
    return problems.DISTRIBUTION_RELEASE_UNKNOWN.at('', `${name} is older than ${id} ${oldest}`)
  if (compare(release, newest) > 0)
    return problems.DISTRIBUTION_RELEASE_UNKNOWN.at('', `${name} is newer than ${id} ${newest}`)
  return undefined
}
