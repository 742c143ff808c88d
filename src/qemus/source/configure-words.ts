/** From what is wanted of a QEMU to the words of its configure. Pure. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { nearest } from '../../nearest.ts'
import { isAtLeast } from '../../setup/version.ts'
import type { ConfigureOffer } from './configure-help.ts'
import { SOURCE_FEATURES, sourceFeature } from './features.ts'

export const problems = defineDiagnostics({
  QEMU_FEATURE_GONE: {
    title: 'A feature was requested that this version of QEMU no longer has.',
    why: 'QEMU removed it',
    remedy: 'install an older version',
    source: 'docs/about/removed-features.rst in QEMU’s source',
  },
  QEMU_BUILD_FEATURE_UNKNOWN: {
    title: '--with names a feature that this version of QEMU does not have.',
    why: 'neither bringup nor the `configure --help` of the source tree knows it',
    remedy: 'correct the name; `./configure --help` in the source tree lists the features',
  },
  QEMU_TARGET_UNKNOWN: {
    title: '--targets names an architecture that this version of QEMU does not emulate.',
    why: 'its configure would refuse the target',
    remedy: 'use one of the listed names',
  },
})

/** What is to be built. */
export interface SourceWish {
  /** Names after `--with`. */
  readonly features: readonly string[]
  /** Architectures: `x86_64`. Empty where only the tools are built. */
  readonly architectures: readonly string[]
  /** Only rdmacm-mux. */
  readonly isToolsOnly: boolean
  readonly isDebug: boolean
}

export interface ConfigurePlaces {
  /** Folder that QEMU will lie in once it is installed. */
  readonly prefix: string
  readonly python: string
  /** Names of folders that debug information is to name instead of others, as `FROM=TO`. */
  readonly prefixMap?: string
  readonly meson?: string
}

/** What bringup's devices use, whatever else is wanted. Names that a version does not offer are passed over. */
const EMULATOR_FEATURES = [
  'system',
  'tcg',
  'kvm',
  'pie',
  'tools',
  'pixman',
  'slirp',
  'virtfs',
  'attr',
  'cap-ng',
  'numa',
  'seccomp',
  'linux-aio',
  'vhost-kernel',
  'vhost-net',
  'vhost-user',
  'vhost-vsock',
  'vhost-vdpa',
  'vnc',
  'tpm',
  'png',
  'zstd',
  'avx2',
  'malloc-trim',
  'membarrier',
  'coroutine-pool',
  'multiprocess',
  'live-block-migration',
  'qcow1',
  'vdi',
  'vvfat',
  'parallels',
] as const

/** Problems of the wish that the version alone shows: before anything is downloaded. */
export function versionProblems(version: string, wish: SourceWish): readonly Diagnostic[] {
  return wish.features.flatMap((name) => {
    const gone = sourceFeature(name)?.gone
    return gone && isAtLeast(version, gone.since) ? [goneAt(name, version, wish)] : []
  })
}

function goneAt(name: string, version: string, { isToolsOnly }: SourceWish): Diagnostic {
  const gone = sourceFeature(name)?.gone
  return problems.QEMU_FEATURE_GONE.at(
    '',
    `${isToolsOnly ? '--tools' : `--with ${name}`}: QEMU ${version} has no ${name === 'rdma' ? 'pvrdma and no rdmacm-mux' : name}`,
    {
      ...(gone ? { why: gone.why, remedy: gone.remedy } : {}),
    },
  )
}

/**
 * Options of `bringup qemu install` that lead to these words of configure: the way back, for a remedy. Pure.
 *
 * @example
 * wishWords(['--target-list=x86_64-softmmu', '--enable-rdma', '--enable-pvrdma']) // ['--with', 'rdma']
 */
export function wishWords(configure: readonly string[]): readonly string[] {
  const enabled = configure.flatMap((word) => /^--enable-([^=]+)$/.exec(word)?.[1] ?? [])
  const named = SOURCE_FEATURES.filter(({ enables }) => enables.every((one) => enabled.includes(one)))
  const known = new Set<string>([...EMULATOR_FEATURES, 'debug', ...named.flatMap(({ enables }) => enables)])
  const features = [...named.map(({ name }) => name), ...enabled.filter((name) => !known.has(name))]
  const list = configure.find((word) => word.startsWith('--target-list='))
  if (list === undefined) return ['--tools']
  const targets = list.slice('--target-list='.length).replaceAll('-softmmu', '')
  return [
    ...(features.length > 0 ? ['--with', features.join(',')] : []),
    ...(targets === 'x86_64' ? [] : ['--targets', targets]),
  ]
}

/** The words after `configure`, and what is wrong with the wish. */
export function configureWords(
  wish: SourceWish,
  offer: ConfigureOffer,
  version: string,
  { prefix, python, prefixMap, meson }: ConfigurePlaces,
): { readonly words: readonly string[]; readonly diagnostics: readonly Diagnostic[] } {
  const where = (option: string, word = option) => (offer.has(option) ? [word] : [])
  const enabled = (names: readonly string[]) => names.flatMap((name) => where(`--enable-${name}`))
  const wanted = wish.features.flatMap((name) => sourceFeature(name)?.enables ?? [name])
  const words = [
    `--prefix=${prefix}`,
    // Before 8.1 configure takes one of them: another Python wants the meson that releases bring along.
    ...(meson !== undefined && offer.has('--meson') ? [`--meson=${meson}`] : [`--python=${python}`]),
    '--without-default-features',
    ...where('--disable-download'),
    ...where('--disable-docs'),
    ...where('--disable-werror'),
    ...where('--disable-user'),
    ...(wish.isToolsOnly ? toolsWords(where, enabled) : emulatorWords(wish, where, enabled)),
    ...enabled(wanted),
    ...(wish.isDebug
      ? ['--enable-debug', ...(prefixMap ? [`--extra-cflags=-ffile-prefix-map=${prefixMap}`] : [])]
      : where('--disable-debug-info')),
  ]
  const diagnostics = [
    ...versionProblems(version, wish),
    ...unknownFeatures(wish, offer, version),
    ...unknownTargets(wish, offer),
  ]
  return { words: [...new Set(words)], diagnostics }
}

type Where = (option: string, word?: string) => readonly string[]
type Enabled = (names: readonly string[]) => readonly string[]

/** rdmacm-mux is made with pvrdma and the tools. */
function toolsWords(where: Where, enabled: Enabled): readonly string[] {
  return [...where('--disable-system'), ...enabled(['tools', 'pie'])]
}

function emulatorWords(wish: SourceWish, where: Where, enabled: Enabled): readonly string[] {
  return [
    `--target-list=${wish.architectures.map((name) => `${name}-softmmu`).join(',')}`,
    ...enabled(EMULATOR_FEATURES),
    // The library of the distribution: the copy within the tree is missing in the sources of distributions.
    ...where('--enable-fdt', '--enable-fdt=system'),
    ...where('--audio-drv-list', '--audio-drv-list='),
  ]
}

function unknownFeatures(
  { features }: SourceWish,
  offer: ConfigureOffer,
  version: string,
): readonly Diagnostic[] {
  return features.flatMap((name) => {
    const known = sourceFeature(name)
    if (known?.gone && isAtLeast(version, known.gone.since)) return []
    const missing = (known?.enables ?? [name]).filter((one) => !offer.has(`--enable-${one}`))
    if (missing.length === 0) return []
    const near = nearest(
      name,
      SOURCE_FEATURES.map((f) => f.name),
    )
    const what = `--with ${name}: QEMU ${version} has no feature ${missing.join(' and ')}`
    return [
      problems.QEMU_BUILD_FEATURE_UNKNOWN.at(
        '',
        what,
        near ? { remedy: `did you mean --with ${near}?` } : {},
      ),
    ]
  })
}

function unknownTargets({ architectures, isToolsOnly }: SourceWish, { targets }: ConfigureOffer) {
  if (isToolsOnly) return []
  const known = [...targets].flatMap((t) => (t.endsWith('-softmmu') ? [t.replace(/-softmmu$/, '')] : []))
  return architectures
    .filter((name) => !known.includes(name))
    .map((name) =>
      problems.QEMU_TARGET_UNKNOWN.at('', `--targets ${name}: it is not an architecture of QEMU`, {
        remedy: `use one of: ${known.toSorted().join(', ')}`,
      }),
    )
}
