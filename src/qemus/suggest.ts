/** The command that installs a QEMU with what is lacking. Pure. */
import type { SemVer } from 'semver'
import intersects from 'semver/ranges/intersects.js'
import minVersion from 'semver/ranges/min-version.js'
import subset from 'semver/ranges/subset.js'
import { quoteCommand } from '../quote.ts'

/**
 * In which series features are: from the first on, up to the one that took it out (docs/about/removed-features.rst and
 * the release notes). For suggestions alone: the QEMU itself tells whether it has a feature.
 */
const SERIES: Readonly<Record<string, { readonly from: number; readonly until?: number }>> = {
  pvrdma: { from: 6.0, until: 9.1 },
  'object-json': { from: 6.0 },
  'device-json': { from: 6.2 },
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
export function commandFor({ version = '*', features = [] }: Wish): string | undefined {
  const series = features.flatMap((name) => SERIES[name] ?? [])
  const least = minVersion(version)
  const from = Math.max(0, seriesOf(least), ...series.map((one) => one.from))
  const until = Math.min(
    Number.POSITIVE_INFINITY,
    ...series.map((one) => one.until ?? Number.POSITIVE_INFINITY),
  )
  const fits = (one: number) => one >= from && one < until && intersects(whole(one), version)
  const packaged = PACKAGED.find(fits)
  // Of a series that is wanted in part, packages are found by the range, and releases by their whole version.
  const isWhole = (one: number) => subset(whole(one), version)
  if (packaged !== undefined) {
    const spec = isWhole(packaged) ? packaged.toFixed(1) : version
    return quoteCommand(['bringup', 'qemu', 'install', spec, '--from', 'packages']).join(' ')
  }
  if (from < OLDEST || !fits(from)) return undefined
  const spec = isWhole(from) ? from.toFixed(1) : least?.version
  return `bringup qemu install ${spec} --from source${features.includes('pvrdma') ? ' --with rdma' : ''}`
}

/** The remedy of a machine that no QEMU here suits. */
export function remedyFor(wish: Wish): string {
  const command = commandFor(wish)
  return command === undefined
    ? 'request less: bringup knows no version of QEMU that has all of it'
    : `install one: \`${command}\``
}

/** The first series with a release that bringup starts. */
const OLDEST = 5

/** `7.2` of 7.2.22. */
const seriesOf = (version: SemVer | null) => (version ? Number(`${version.major}.${version.minor}`) : 0)

/** The range of all versions of a series. */
const whole = (series: number) => `~${series.toFixed(1)}.0`
