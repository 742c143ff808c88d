/** The command that installs a QEMU with what is lacking. Pure. */
import minVersion from 'semver/ranges/min-version.js'

/**
 * Where a feature first appeared, and where it went, as release notes of QEMU say. Used for suggestions alone: whether a
 * QEMU has a feature is asked of it.
 */
const VERSIONS: Readonly<Record<string, string>> = {
  // docs/about/removed-features.rst: 9.1
  pvrdma: '7.2',
  'tcg-x2apic': '10.0',
  'plugin-registers': '10.0',
  'plugin-values': '10.0',
  'mapped-ram': '10.0',
  'cxl-volatile': '10.0',
  'cxl-dynamic': '10.0',
  'cxl-errors': '10.0',
}

/** Options of a build from source for what packages may lack. */
const WITH: Readonly<Record<string, string>> = { pvrdma: 'rdma', libpmem: 'pmem', plugins: 'plugins' }

/**
 * A command that can be pasted.
 *
 * @example
 * commandFor({ features: ['cxl-volatile'] }) // 'bringup qemu install 10.0 --from packages'
 */
export function commandFor({
  version,
  features = [],
}: {
  readonly version?: string | undefined
  readonly features?: readonly string[]
}): string {
  const least = version === undefined ? undefined : minVersion(version)
  const wanted = features.map((name) => VERSIONS[name]).find((found) => found !== undefined)
  const spec = least && least.major > 0 ? `${least.major}.${least.minor}` : (wanted ?? '10.0')
  const options = features.flatMap((name) => WITH[name] ?? [])
  // The packages of Debian are built with neither RDMA after 9.0 nor a debugger’s symbols.
  return options.length > 0 && features.every((name) => name in WITH)
    ? `bringup qemu install ${spec} --with ${options.join(',')}`
    : `bringup qemu install ${spec} --from packages`
}
