/** What a source tree's `configure --help` offers. Options differ between versions. */

export interface ConfigureOffer {
  /** Whether the option (`--enable-rdma`, `--disable-download`) can be given. */
  readonly has: (option: string) => boolean
  /** Names of `--target-list`: `x86_64-softmmu`. */
  readonly targets: ReadonlySet<string>
}

/** A line of the list of features: `  rdma            Enable RDMA-based migration`. */
const FEATURE = /^ {2}([a-z0-9][a-z0-9-]*)(?: {2,}|$)/gm

/** Reads the help. Pure. */
export function readConfigureHelp(help: string): ConfigureOffer {
  const start = help.search(/^Optional features/m)
  const features = start === -1 ? [] : [...help.slice(start).matchAll(FEATURE)].map((m) => m[1] ?? '')
  const said = [...help.matchAll(/--([a-z0-9][a-z0-9-]*)/g)].map((m) => m[1] ?? '')
  const options = new Set([...said, ...[...features, ...said.flatMap(named)].flatMap(bothWays)])
  return {
    has: (option) => options.has(option.replace(/^--/, '').replace(/=.*$/s, '')),
    targets: new Set(
      [...help.matchAll(/\b([a-z0-9_]+-(?:softmmu|linux-user|bsd-user))\b/g)].map((m) => m[1] ?? ''),
    ),
  }
}

const bothWays = (name: string): readonly string[] => [`enable-${name}`, `disable-${name}`]

/** The help names one of the two ways of an option that it lists outside the features: `--enable-plugins`. */
function named(option: string): readonly string[] {
  const name = /^(?:enable|disable)-(.+)$/.exec(option)?.[1]
  return name === undefined ? [] : [name]
}
