/** Dependency: the Rust toolchain that a source tree asks for. Source: "The toolchain file" in the rustup book. */
import { join } from 'node:path'
import { parse } from 'smol-toml'
import { findProgram } from '../../host/tools.ts'
import type { RustToolchainDependency } from '../dependency.ts'
import { type DependencyContext, defineDependency } from '../kind.ts'
import { readToolchain, rustToolchain as step } from '../steps/rust-toolchain.ts'
import { RUSTUP_ADVICE } from './cargo.ts'

interface Wanted {
  readonly channel: string
  readonly components: readonly string[]
  readonly targets: readonly string[]
}

export const rustToolchain = defineDependency<RustToolchainDependency>({
  kind: 'rust-toolchain',
  title: ({ channel, components = [] }) => ['Rust', channel ?? 'toolchain', ...components].join(' '),
  async check(dependency, context) {
    if (findProgram('rustup') === undefined) return { state: 'missing', detail: 'there is no rustup' }
    const wanted = wantedBy(dependency, context)
    const there = await readToolchain(wanted.channel, context.host)
    if (!there) return { state: 'missing', detail: `${wanted.channel} is not installed` }
    const lacking = [
      ...wanted.components.filter((c) => !there.components.includes(c)),
      ...wanted.targets.filter((t) => !there.targets.includes(t)),
    ]
    if (lacking.length === 0) return { state: 'present', version: there.name }
    return { state: 'missing', version: there.name, detail: `it lacks ${lacking.join(', ')}` }
  },
  fix(dependency, context) {
    if (findProgram('rustup') === undefined) return { advice: RUSTUP_ADVICE }
    const { channel, components, targets } = wantedBy(dependency, context)
    return { steps: [step.step({ channel, components: [...components], targets: [...targets] })] }
  },
})

/** What is asked for: the dependency's own words, over those of the source tree's file. */
function wantedBy(dependency: RustToolchainDependency, { sourceFolder, host }: DependencyContext): Wanted {
  const file = readToolchainFile(sourceFolder, (path) => host.read(path)?.toString())
  const all = (a: readonly string[] = [], b: readonly string[] = []) => [...new Set([...a, ...b])]
  return {
    channel: dependency.channel ?? file?.channel ?? 'stable',
    components: all(file?.components, dependency.components),
    targets: all(file?.targets, dependency.targets),
  }
}

/** What a source tree asks for. `rust-toolchain` wins over `rust-toolchain.toml`, as rustup has it. */
export function readToolchainFile(
  folder: string,
  read: (path: string) => string | undefined,
): Wanted | undefined {
  const text = read(join(folder, 'rust-toolchain')) ?? read(join(folder, 'rust-toolchain.toml'))
  return text === undefined ? undefined : parseToolchainFile(text)
}

/** One line with the channel, as it used to be, or TOML. Undefined for what is neither. Pure. */
export function parseToolchainFile(text: string): Wanted | undefined {
  const bare = text.trim()
  if (/^[\w.-]+$/.test(bare)) return { channel: bare, components: [], targets: [] }
  try {
    const { toolchain } = parse(text) as { toolchain?: Partial<Wanted> }
    const { channel = 'stable', components = [], targets = [] } = toolchain ?? {}
    return { channel, components, targets }
  } catch {
    return undefined
  }
}
