/** The command that installs a QEMU with what is lacking. Pure. */
import minVersion from 'semver/ranges/min-version.js'

/**
 * In which series features are: from the first on, up to the one that took it out (docs/about/removed-features.rst and
 * the release notes). For suggestions alone: the QEMU itself tells whether it has a feature.
 */
const SERIES: Readonly<Record<string, { readonly from: number; readonly until?: number }>> = {
  pvrdma: { from: 6.0, until: 9.1 },
  'net-stream': { from: 7.2 },
  cxl: { from: 7.2 },
  'cxl-errors': { from: 8.0 },
  'cxl-volatile': { from: 8.1 },
  'plugin-registers': { from: 9.0 },
  'mapped-ram': { from: 9.0 },
  'tcg-x2apic': { from: 9.0 },
  'cxl-dynamic': { from: 9.1 },
  'plugin-values': { from: 9.2 },
}

/** Series that distributions package, for which `--from packages` will do; the newest of Debian with pvrdma is 7.2. */
const PACKAGED = [7.2, 10.0]

interface Wish {
  readonly version?: string | undefined
  readonly features?: readonly string[]
}

/**
 * A command that can be pasted; undefined where no version has all of it.
 *
 * @example
 * commandFor({ features: ['cxl-volatile'] }) // 'bringup qemu install 10.0 --from packages'
 */
export function commandFor({ version, features = [] }: Wish): string | undefined {
  if (version !== undefined) {
    const least = minVersion(version)
    const spec = least && least.major > 0 ? `${least.major}.${least.minor}` : '10.0'
    return `bringup qemu install ${spec} --from packages`
  }
  const series = features.flatMap((name) => SERIES[name] ?? [])
  const from = Math.max(0, ...series.map((one) => one.from))
  const until = Math.min(
    Number.POSITIVE_INFINITY,
    ...series.map((one) => one.until ?? Number.POSITIVE_INFINITY),
  )
  if (from >= until) return undefined
  const packaged = PACKAGED.find((one) => one >= from && one < until)
  return packaged === undefined
    ? `bringup qemu install ${from.toFixed(1)} --from source${features.includes('pvrdma') ? ' --with rdma' : ''}`
    : `bringup qemu install ${packaged.toFixed(1)} --from packages`
}
