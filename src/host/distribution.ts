/** Which distribution this is, and which package manager it has. Source: os-release(5). */
import { readText } from './read-file.ts'

/** Distributions that share a package manager and package names. */
export type PackageFamily = 'debian' | 'fedora' | 'arch' | 'suse' | 'alpine'

export interface DistributionFact {
  /** `debian`, `ubuntu`, `fedora`; `unknown` without an os-release file. */
  readonly id: string
  /** For people: `Debian GNU/Linux 12 (bookworm)`. */
  readonly name: string
  readonly version: string
  /** `bookworm`, `noble`. */
  readonly codename?: string
  /** Undefined when its package manager is not known to bringup. */
  readonly family?: PackageFamily
}

const FAMILY_OF_ID: Readonly<Record<string, PackageFamily>> = {
  debian: 'debian',
  ubuntu: 'debian',
  fedora: 'fedora',
  rhel: 'fedora',
  centos: 'fedora',
  arch: 'arch',
  suse: 'suse',
  opensuse: 'suse',
  'opensuse-leap': 'suse',
  'opensuse-tumbleweed': 'suse',
  sles: 'suse',
  alpine: 'alpine',
}

/** @param root Folder that stands for `/`; other than `/` in tests. */
export function readDistribution(root = '/'): DistributionFact {
  const text = readText(root, 'etc/os-release') ?? readText(root, 'usr/lib/os-release') ?? ''
  const values = new Map(text.split('\n').flatMap(assignment))
  const id = values.get('ID') ?? 'unknown'
  const ids = [id, ...(values.get('ID_LIKE') ?? '').split(/\s+/)]
  const family = ids.map((name) => FAMILY_OF_ID[name]).find((f) => f !== undefined)
  const codename = values.get('VERSION_CODENAME')
  const name = values.get('PRETTY_NAME') ?? values.get('NAME') ?? id
  return {
    id,
    name,
    version: values.get('VERSION_ID') ?? '',
    ...(codename ? { codename } : {}),
    ...(family ? { family } : {}),
  }
}

function assignment(line: string): readonly (readonly [string, string])[] {
  const [, key = '', quoted, bare = ''] = /^([A-Z0-9_]+)=(?:["'](.*)["']|(.*))$/.exec(line.trim()) ?? []
  return key === '' ? [] : [[key, (quoted ?? bare).replace(/\\(["'$`\\])/g, '$1')]]
}
