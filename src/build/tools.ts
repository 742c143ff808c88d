/** Which package has a program that builds run. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { readDistribution } from '../host/distribution.ts'
import { INSTALL } from '../host/tools.ts'
import type { BuildGraph, BuildPackages } from './graph.ts'

export const problems = defineDiagnostics({
  BUILD_TOOL_MISSING: {
    title: 'A program or file that the build needs is missing.',
    why: 'the target cannot be built without it; nothing was started',
    remedy: 'install it, or add its folder to PATH',
  },
})

type Packages = BuildPackages

const same = (name: string): Packages => ({
  debian: name,
  fedora: name,
  arch: name,
  suse: name,
  alpine: name,
})
const mtools = same('mtools')

/** Programs of builds in general; a profile names those of its own in `BuildGraph.packages`. */
const PACKAGES: Readonly<Record<string, Packages>> = {
  make: same('make'),
  cmake: same('cmake'),
  meson: same('meson'),
  ninja: { ...same('ninja'), debian: 'ninja-build', fedora: 'ninja-build' },
  gcc: same('gcc'),
  cc: same('gcc'),
  clang: same('clang'),
  ld: same('binutils'),
  objcopy: same('binutils'),
  nasm: same('nasm'),
  cargo: { ...same('cargo'), arch: 'rust' },
  python3: { ...same('python3'), arch: 'python' },
  mformat: mtools,
  mmd: mtools,
  mcopy: mtools,
}

/** Names of the package that has a program of builds; undefined for programs that are not known. */
export function packagesWith(program: string): Packages | undefined {
  return Object.hasOwn(PACKAGES, program) ? PACKAGES[program] : undefined
}

/** One finding for each program or file, with what installs it on this distribution. */
export function missingTools(
  names: readonly string[],
  graph: BuildGraph,
  setupCommand?: string,
): readonly Diagnostic[] {
  const { family } = readDistribution()
  return names.map((program) => {
    const required = graph.requires?.find((r) => ('program' in r ? r.program : r.file) === program)
    const packages = required?.packages ?? graph.packages?.[program] ?? PACKAGES[program]
    const name = family === undefined ? undefined : packages?.[family]
    const isRust = program === 'cargo' || program === 'rustc' || program === 'rustup'
    const install =
      name === undefined || family === undefined
        ? undefined
        : `as root: ${[...INSTALL[family], name].join(' ')}${isRust ? '; or rustup, from https://rustup.rs' : ''}`
    const users = graph.targets
      .filter((t) => t.actions.some((a) => a.kind === 'command' && a.argv[0] === program))
      .map((t) => t.id)
    const by =
      users.length > 0 ? `target ${users.join(', ')} runs it` : (required?.why ?? 'the image is made with it')
    const what = program.includes('/') ? `there is no ${program}` : `there is no "${program}" in PATH`
    // A program without a known package is in no dependency set.
    const ways = [
      ...(setupCommand !== undefined && packages ? [`\`${setupCommand}\``] : []),
      ...(install ? [install] : []),
    ]
    return problems.BUILD_TOOL_MISSING.at('', `${what}; ${by}`, {
      ...(ways.length === 0 ? {} : { remedy: ways.join(', or ') }),
    })
  })
}
