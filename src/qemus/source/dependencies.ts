/** What building QEMU needs of this computer, as a dependency set: `setup` steps install it, and undo it. */
import type { Dependency, DependencySet } from '../../setup/dependency.ts'
import type { SourceWish } from './configure-words.ts'
import { sourceFeature } from './features.ts'

/** Where the source comes from; each needs programs of its own. */
export type SourceKind = 'release' | 'apt-source' | 'tarball' | 'tree'

const same = (name: string) => ({ debian: name, fedora: name, arch: name, suse: name, alpine: name })

const TOOLCHAIN: readonly Dependency[] = [
  { kind: 'program', program: 'cc', alternatives: ['gcc', 'clang'], packages: 'gcc', why: 'compiles QEMU' },
  {
    kind: 'file',
    paths: ['/usr/include/stdio.h'],
    packages: {
      debian: 'libc6-dev',
      fedora: 'glibc-devel',
      arch: 'glibc',
      suse: 'glibc-devel',
      alpine: 'musl-dev',
    },
    why: 'has the headers of the C library',
  },
  { kind: 'program', program: 'make', packages: 'make', why: 'builds option ROMs' },
  {
    kind: 'program',
    program: 'ninja',
    alternatives: ['ninja-build', 'samu'],
    packages: { ...same('ninja'), debian: 'ninja-build', fedora: 'ninja-build' },
    why: 'runs the compilers',
  },
  { kind: 'program', program: 'meson', packages: 'meson', why: 'configures QEMU' },
  {
    kind: 'program',
    program: 'pkg-config',
    alternatives: ['pkgconf'],
    packages: {
      debian: 'pkg-config',
      fedora: 'pkgconf-pkg-config',
      arch: 'pkgconf',
      suse: 'pkgconf',
      alpine: 'pkgconf',
    },
    why: 'finds libraries',
  },
  {
    kind: 'program',
    program: 'python3',
    packages: { ...same('python3'), arch: 'python' },
    why: 'runs generators of QEMU',
  },
  {
    kind: 'python',
    module: 'ensurepip',
    packages: {
      debian: 'python3-venv',
      fedora: 'python3',
      arch: 'python',
      suse: 'python3',
      alpine: 'python3',
    },
    why: 'lets QEMU 8.1 and newer make a Python environment for its build',
  },
  {
    kind: 'package',
    packages: {
      debian: 'libglib2.0-dev',
      fedora: 'glib2-devel',
      arch: 'glib2',
      suse: 'glib2-devel',
      alpine: 'glib-dev',
    },
    why: 'is the library that all of QEMU uses',
  },
]

const EMULATOR: readonly Dependency[] = [
  library('draws displays', [
    'libpixman-1-dev',
    'pixman-devel',
    'pixman',
    'libpixman-1-0-devel',
    'pixman-dev',
  ]),
  library('writes device trees', ['libfdt-dev', 'libfdt-devel', 'dtc', 'libfdt-devel', 'dtc-dev']),
  library('gives guests a network without root', [
    'libslirp-dev',
    'libslirp-devel',
    'libslirp',
    'libslirp-devel',
    'libslirp-dev',
  ]),
  library('drops rights of helpers of shared folders', [
    'libcap-ng-dev',
    'libcap-ng-devel',
    'libcap-ng',
    'libcap-ng-devel',
    'libcap-ng-dev',
  ]),
  library('stores file attributes of shared folders', [
    'libattr1-dev',
    'libattr-devel',
    'attr',
    'libattr-devel',
    'attr-dev',
  ]),
  library('binds guest memory to NUMA nodes of this computer', [
    'libnuma-dev',
    'numactl-devel',
    'numactl',
    'libnuma-devel',
    'numactl-dev',
  ]),
  library('restricts the system calls of QEMU', [
    'libseccomp-dev',
    'libseccomp-devel',
    'libseccomp',
    'libseccomp-devel',
    'libseccomp-dev',
  ]),
  library('reads and writes disks asynchronously', [
    'libaio-dev',
    'libaio-devel',
    'libaio',
    'libaio-devel',
    'libaio-dev',
  ]),
  library('compresses saved states', ['libzstd-dev', 'libzstd-devel', 'zstd', 'libzstd-devel', 'zstd-dev']),
  library('writes screenshots', ['libpng-dev', 'libpng-devel', 'libpng', 'libpng16-devel', 'libpng-dev']),
  library('reads compressed images', ['zlib1g-dev', 'zlib-devel', 'zlib', 'zlib-devel', 'zlib-dev']),
  { kind: 'program', program: 'bzip2', packages: 'bzip2', why: 'unpacks UEFI firmware' },
]

const BY_KIND: Readonly<Record<SourceKind, readonly Dependency[]>> = {
  release: [
    { kind: 'program', program: 'curl', packages: 'curl', why: 'downloads the release' },
    {
      kind: 'program',
      program: 'gpgv',
      packages: { debian: 'gpgv', fedora: 'gnupg2', arch: 'gnupg', suse: 'gpg2', alpine: 'gnupg' },
      why: 'checks the signature of the release',
    },
    ...archivers(),
  ],
  'apt-source': [
    { kind: 'program', program: 'dpkg-source', packages: 'dpkg-dev', why: 'unpacks source packages' },
    { kind: 'program', program: 'patch', packages: 'patch', why: 'applies the patches of the distribution' },
    ...archivers(),
  ],
  tarball: archivers(),
  tree: [],
}

/** The set for building that. */
export function sourceDependencies(kind: SourceKind, wish: SourceWish): DependencySet {
  const features = wish.features.flatMap((name) => sourceFeature(name)?.dependencies ?? [])
  return {
    name: 'qemu',
    summary: wish.isToolsOnly ? 'what builds the tools of QEMU' : 'what builds QEMU',
    dependencies: [...BY_KIND[kind], ...TOOLCHAIN, ...(wish.isToolsOnly ? [] : EMULATOR), ...features],
  }
}

/** Names by family: Debian, Fedora, Arch, SUSE, Alpine. */
function library(
  why: string,
  [debian, fedora, arch, suse, alpine]: readonly [string, string, string, string, string],
): Dependency {
  return { kind: 'package', packages: { debian, fedora, arch, suse, alpine }, why }
}

function archivers(): readonly Dependency[] {
  return [
    { kind: 'program', program: 'tar', packages: 'tar', why: 'unpacks the source' },
    {
      kind: 'program',
      program: 'xz',
      packages: { debian: 'xz-utils', fedora: 'xz', arch: 'xz', suse: 'xz', alpine: 'xz' },
      why: 'decompresses the source',
    },
  ]
}
