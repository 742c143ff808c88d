/** What programs of a build need of this computer: packages, and files that such a program looks for. Pure. */
import { packagesWith } from '../build/tools.ts'
import type { Dependency } from '../setup/dependency.ts'

/** `grub-mkrescue` runs two other programs, and looks for GRUB's modules of the firmware. */
const GRUB: readonly Dependency[] = [
  {
    kind: 'file',
    paths: [
      '/usr/lib/grub/i386-pc/boot.img',
      '/usr/share/grub2/i386-pc/boot.img',
      '/usr/lib/grub2/i386-pc/boot.img',
    ],
    packages: {
      debian: 'grub-pc-bin',
      fedora: 'grub2-pc-modules',
      arch: 'grub',
      suse: 'grub2-i386-pc',
      alpine: 'grub-bios',
    },
    why: 'GRUB’s modules for BIOS, which grub-mkrescue puts on the ISO',
  },
  program('xorriso', 'grub-mkrescue calls it'),
  program('mformat', 'grub-mkrescue calls it'),
]

/** Dependencies of one program, or of `gcc -m32`; undefined for a program of no known package. */
export function dependenciesOf(tool: string, why: string): readonly Dependency[] | undefined {
  if (tool === 'gcc -m32')
    return [
      {
        kind: 'package',
        packages: {
          debian: 'gcc-multilib',
          fedora: 'glibc-devel.i686',
          arch: 'lib32-glibc',
          suse: 'gcc-32bit',
        },
        why: 'libraries for 32-bit programs',
      },
    ]
  const [, what, name = ''] = /^rustup (target|component) ([\w.-]+)$/.exec(tool) ?? []
  if (what !== undefined)
    return [
      { kind: 'rust-toolchain', ...(what === 'target' ? { targets: [name] } : { components: [name] }), why },
    ]
  if (tool === 'cargo-bootimage') return [{ kind: 'cargo', program: tool, crate: 'bootimage', why }]
  const packages = packagesWith(tool)
  if (packages === undefined) return undefined
  // Bare-metal compilers: no distribution has them.
  if (Object.keys(packages).length === 0) return [unknownTool(tool, crossWhy(tool))]
  return [program(tool, why), ...(/^grub2?-mkrescue$/.test(tool) ? GRUB : [])]
}

function program(name: string, why: string): Dependency {
  return { kind: 'program', program: name, packages: packagesWith(name) ?? {}, why }
}

/** A program that a person has to install. */
export function unknownTool(name: string, why: string): Dependency {
  return { kind: 'program', program: name, packages: {}, why }
}

const crossWhy = (tool: string) =>
  `the build calls it; Debian has no package: build it (wiki.osdev.org/GCC_Cross-Compiler), or try gcc where the makefile has a variable for it (${tool.endsWith('-gcc') ? 'CC=gcc' : 'such as LD=ld'})`
