/** What building and running Linux needs. Source: Documentation/process/changes.rst of the kernel, for names and minimum versions. */
import type { BuildPackages, BuildRequirement } from '../../../build/graph.ts'
import type { PackageFamily } from '../../../host/distribution.ts'
import { type DependencySet, namesIn, type PackageNames } from '../../../setup/dependency.ts'

export const LINUX_DEPENDENCIES: readonly DependencySet[] = [
  {
    name: 'build',
    summary: 'what compiles the kernel, its modules and the guest’s agent',
    dependencies: [
      {
        kind: 'program',
        program: 'gcc',
        alternatives: ['clang'],
        minimum: '5.1',
        packages: 'gcc',
        why: 'compiles the kernel',
      },
      {
        kind: 'package',
        packages: {
          debian: 'libc6-dev',
          fedora: 'glibc-devel',
          arch: 'glibc',
          suse: 'glibc-devel',
          alpine: 'musl-dev',
        },
        why: 'has the C headers for the programs that the kernel’s build compiles for itself',
      },
      {
        kind: 'program',
        program: 'ld',
        minimum: '2.25',
        packages: 'binutils',
        why: 'links the kernel',
      },
      { kind: 'program', program: 'make', minimum: '3.82', packages: 'make', why: 'runs the build' },
      { kind: 'program', program: 'flex', minimum: '2.5.35', packages: 'flex', why: 'reads Kconfig' },
      { kind: 'program', program: 'bison', minimum: '2.0', packages: 'bison', why: 'parses Kconfig' },
      { kind: 'program', program: 'bc', packages: 'bc', why: 'computes the tick’s constants' },
      { kind: 'program', program: 'perl', minimum: '5', packages: 'perl', why: 'makes tables' },
      {
        kind: 'file',
        paths: ['/usr/include/gelf.h'],
        packages: {
          debian: 'libelf-dev',
          fedora: 'elfutils-libelf-devel',
          arch: 'libelf',
          suse: 'libelf-devel',
          alpine: 'elfutils-dev',
        },
        why: 'lets objtool check the object files',
      },
      {
        kind: 'package',
        packages: {
          debian: 'libssl-dev',
          fedora: 'openssl-devel',
          arch: 'openssl',
          suse: 'libopenssl-devel',
          alpine: 'openssl-dev',
        },
        why: 'signs modules',
      },
      {
        kind: 'program',
        program: 'cpio',
        isOptional: true,
        packages: 'cpio',
        why: 'packs the kernel headers, where the configuration includes them',
      },
      {
        kind: 'program',
        program: 'kmod',
        isOptional: true,
        packages: 'kmod',
        why: 'lists the dependencies of modules (depmod), where modules are built',
      },
      {
        kind: 'program',
        program: 'pahole',
        minimum: '1.16',
        isOptional: true,
        packages: {
          debian: ['pahole', 'dwarves'],
          fedora: 'dwarves',
          arch: 'pahole',
          suse: 'dwarves',
          alpine: 'pahole',
        },
        why: 'writes BTF type information, where the configuration asks for it',
      },
    ],
  },
  {
    name: 'run',
    summary: 'what boots Linux guests',
    dependencies: [
      {
        kind: 'program',
        program: 'busybox',
        versionArgs: ['--help'],
        packages: 'busybox',
        why: 'is the shell of Linux guests; where it is missing, bringup downloads it into your cache',
        isOptional: true,
      },
      {
        kind: 'program',
        program: 'gcc',
        alternatives: ['clang'],
        packages: 'gcc',
        why: 'compiles the agent that runs commands in the guest',
      },
      {
        kind: 'package',
        packages: {
          debian: 'libc6-dev',
          fedora: 'glibc-devel',
          arch: 'glibc',
          suse: 'glibc-devel',
          alpine: 'musl-dev',
        },
        why: 'has the C headers that the agent includes',
      },
      {
        kind: 'program',
        program: 'ndctl',
        isOptional: true,
        packages: 'ndctl',
        why: 'configures NVDIMMs inside Linux guests',
      },
    ],
  },
]

/** What the kernel's own build needs beside `make`: the programs and files of the set `build` that are not optional. */
export function requirements(isLlvm: boolean): readonly BuildRequirement[] {
  const [build] = LINUX_DEPENDENCIES
  return (build?.dependencies ?? []).flatMap((d): readonly BuildRequirement[] => {
    if (d.isOptional === true) return []
    const more = 'packages' in d && d.packages !== undefined ? { packages: byFamily(d.packages) } : {}
    const why = 'the kernel’s build needs it'
    if (d.kind === 'file') return [{ file: d.paths[0], why, ...more }]
    if (d.kind !== 'program') return []
    const program = isLlvm ? ({ gcc: 'clang', ld: 'ld.lld' }[d.program] ?? d.program) : d.program
    return [{ program, why, ...(program === d.program ? more : {}) }]
  })
}

const FAMILIES: readonly PackageFamily[] = ['debian', 'fedora', 'arch', 'suse', 'alpine']

function byFamily(packages: PackageNames): BuildPackages {
  const pairs = FAMILIES.map((family) => [family, namesIn(packages, family)[0]] as const)
  return Object.fromEntries(pairs.filter(([, name]) => name !== undefined))
}
