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

const cross = (triple: string): Packages => ({ debian: `gcc-${triple}` })
const binutils = (triple: string): Packages => ({ debian: `binutils-${triple}` })
/** Compilers for bare metal are built from source, or come from Homebrew. */
const NONE: Packages = {}

/** Programs of builds in general; a profile names those of its own in `BuildGraph.packages`. */
const PACKAGES: Readonly<Record<string, Packages>> = {
  make: same('make'),
  cmake: same('cmake'),
  meson: same('meson'),
  scons: same('scons'),
  xmake: { fedora: 'xmake', arch: 'xmake', alpine: 'xmake' },
  rake: {
    ...same('rake'),
    fedora: 'rubygem-rake',
    arch: 'ruby-rake',
    suse: 'rubygem-rake',
    alpine: 'ruby-rake',
  },
  ninja: { ...same('ninja'), debian: 'ninja-build', fedora: 'ninja-build' },
  just: { ...same('just') },
  gcc: same('gcc'),
  cc: same('gcc'),
  'g++': { ...same('gcc-c++'), debian: 'g++', arch: 'gcc', alpine: 'g++' },
  clang: same('clang'),
  'clang++': same('clang'),
  'ld.lld': same('lld'),
  lld: same('lld'),
  'lld-link': same('lld'),
  'llvm-objcopy': same('llvm'),
  'llvm-ar': same('llvm'),
  ld: same('binutils'),
  as: same('binutils'),
  ar: same('binutils'),
  objcopy: same('binutils'),
  nasm: same('nasm'),
  yasm: same('yasm'),
  fasm: { debian: 'fasm', arch: 'fasm', suse: 'fasm', alpine: 'fasm' },
  bcc: { debian: 'bcc', alpine: 'bcc' },
  as86: { debian: 'bin86', arch: 'bin86' },
  ld86: { debian: 'bin86', arch: 'bin86' },
  zig: { fedora: 'zig', arch: 'zig', suse: 'zig', alpine: 'zig' },
  cargo: { ...same('cargo'), arch: 'rust' },
  rustc: { ...same('rust'), debian: 'rustc' },
  rustup: { debian: 'rustup', fedora: 'rustup', arch: 'rustup', suse: 'rustup', alpine: 'rustup' },
  python3: { ...same('python3'), arch: 'python' },
  python: { ...same('python3'), debian: 'python-is-python3', arch: 'python' },
  perl: same('perl'),
  bash: same('bash'),
  git: same('git'),
  curl: same('curl'),
  wget: same('wget'),
  xxd: { ...same('xxd'), arch: 'tinyxxd', suse: 'xxd' },
  bc: same('bc'),
  flex: same('flex'),
  bison: same('bison'),
  cpio: same('cpio'),
  zip: same('zip'),
  unzip: same('unzip'),
  xorriso: { ...same('xorriso'), arch: 'libisoburn', fedora: 'xorriso' },
  mkisofs: { ...same('xorriso'), debian: 'genisoimage', arch: 'cdrtools', suse: 'mkisofs', alpine: 'cdrkit' },
  genisoimage: { ...same('genisoimage'), arch: 'cdrtools', suse: 'mkisofs', alpine: 'cdrkit' },
  'grub-mkrescue': { debian: 'grub-common', arch: 'grub', alpine: 'grub', suse: 'grub2' },
  'grub-file': { debian: 'grub-common', arch: 'grub', alpine: 'grub', suse: 'grub2' },
  'grub-mkstandalone': { debian: 'grub-common', arch: 'grub', alpine: 'grub', suse: 'grub2' },
  'grub2-mkrescue': { fedora: 'grub2-tools-extra', suse: 'grub2' },
  limine: { debian: 'limine', arch: 'limine', alpine: 'limine' },
  mformat: mtools,
  mmd: mtools,
  mcopy: mtools,
  mdir: mtools,
  mtools,
  'mkfs.fat': same('dosfstools'),
  'mkfs.vfat': same('dosfstools'),
  mkdosfs: same('dosfstools'),
  'mkfs.ext2': same('e2fsprogs'),
  mke2fs: same('e2fsprogs'),
  parted: same('parted'),
  sgdisk: { ...same('gptfdisk'), debian: 'gdisk', fedora: 'gdisk', alpine: 'sgdisk' },
  sfdisk: { ...same('util-linux'), debian: 'fdisk', alpine: 'sfdisk' },
  'qemu-img': { ...same('qemu-img'), debian: 'qemu-utils', suse: 'qemu-img' },
  'i686-linux-gnu-gcc': cross('i686-linux-gnu'),
  'i686-linux-gnu-ld': binutils('i686-linux-gnu'),
  'i686-linux-gnu-objcopy': binutils('i686-linux-gnu'),
  'x86_64-linux-gnu-gcc': { ...same('gcc'), debian: 'gcc-x86-64-linux-gnu' },
  'x86_64-linux-gnu-ld': { ...same('binutils'), debian: 'binutils-x86-64-linux-gnu' },
  'x86_64-w64-mingw32-gcc': {
    debian: 'gcc-mingw-w64-x86-64',
    fedora: 'mingw64-gcc',
    arch: 'mingw-w64-gcc',
    alpine: 'mingw-w64-gcc',
  },
  'i686-w64-mingw32-gcc': {
    debian: 'gcc-mingw-w64-i686',
    fedora: 'mingw32-gcc',
    arch: 'mingw-w64-gcc',
    alpine: 'i686-mingw-w64-gcc',
  },
  ...Object.fromEntries(
    ['x86_64-elf', 'i686-elf', 'i386-elf', 'i386-jos-elf', 'i586-elf'].flatMap((triple) =>
      ['gcc', 'g++', 'ld', 'as', 'ar', 'objcopy', 'nm', 'strip'].map((tool) => [`${triple}-${tool}`, NONE]),
    ),
  ),
}

/** Whether bringup knows where a program comes from, or that no distribution has it. */
export const isKnownTool = (tool: string): boolean =>
  tool === 'gcc -m32' ||
  tool === 'cargo-bootimage' ||
  /^rustup (target|component) [\w.-]+$/.test(tool) ||
  Object.hasOwn(PACKAGES, tool)

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

/** How shells, make, Meson and CMake say that a program is missing. */
const NOT_FOUND = [
  /(?:^|: )([\w.+-]+): (?:command )?not found$/,
  /^make(?:\[\d+\])?: ([\w.+-]+): No such file or directory$/,
  /Program '([\w.+-]+)' not found/,
  /\bcommand '([\w.+-]+)' failed: No such file/,
  /no such command: `([\w-]+)`/,
]

/** Programs that the output of a failed command names as missing. */
export function missingIn(lines: readonly string[]): readonly string[] {
  const names = lines.slice(-200).flatMap((line) => {
    const plain = line.trim().slice(0, 500)
    return NOT_FOUND.flatMap((pattern) => pattern.exec(plain)?.[1] ?? [])
  })
  return [...new Set(names)].slice(0, 5)
}

/** What installs programs that a command could not find; undefined without any. */
export function remedyFor(programs: readonly string[]): string | undefined {
  if (programs.length === 0) return undefined
  const { family } = readDistribution()
  const packages = programs.map((program) =>
    family === undefined ? undefined : packagesWith(program)?.[family],
  )
  const known = packages.filter((name) => name !== undefined)
  const install =
    family !== undefined && known.length > 0
      ? `as root: ${[...INSTALL[family], ...known].join(' ')}`
      : undefined
  const unknown = programs.filter((_, i) => packages[i] === undefined)
  return [
    ...(install === undefined ? [] : [`install what is missing: ${install}`]),
    ...(unknown.length === 0
      ? []
      : [
          `install ${unknown.join(' and ')} by hand: this distribution has no package that is known to have it`,
        ]),
    `or run \`bringup setup\`, once kernel.tools lists ${programs.map((name) => `'${name}'`).join(' and ')}`,
  ].join('; ')
}
