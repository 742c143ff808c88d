import { expect, it } from 'vitest'
import { namesIn } from '../setup/dependency.ts'
import { setsOf } from '../setup/sets.ts'
import { withKernel } from './kernel-form.ts'
import { kernelSchema } from './kernel-schema.ts'
import { bare } from './profiles/bare.ts'

/** The packages of Debian in the set `build`, or what else a dependency is. */
function packagesOf(build: readonly string[], tools: readonly string[]): readonly string[] {
  const profile = withKernel(bare, kernelSchema.parse({ build, tools, image: 'k.elf' }))
  const own = setsOf(profile).find(({ name }) => name === 'build')
  return (own?.dependencies ?? []).map((one) => {
    const [first] = 'packages' in one ? namesIn(one.packages, 'debian') : []
    return first ?? `${one.kind} ${'program' in one ? one.program : JSON.stringify(one)}`
  })
}

it.each([
  [['make'], ['nasm', 'grub-mkrescue'], ['make', 'nasm', 'grub-common', 'grub-pc-bin', 'xorriso', 'mtools']],
  [['make'], ['i686-linux-gnu-gcc', 'gcc -m32'], ['make', 'gcc-i686-linux-gnu', 'gcc-multilib']],
  [
    ['meson', 'setup', 'b'],
    ['ninja', 'mkfs.fat', 'mcopy'],
    ['meson', 'ninja-build', 'dosfstools', 'mtools'],
  ],
  [
    ['cmake', '.'],
    ['perl', 'python3', 'clang', 'ld.lld'],
    ['cmake', 'perl', 'python3', 'clang', 'lld'],
  ],
  [['make'], ['x86_64-elf-gcc', 'own-tool'], ['make', 'program x86_64-elf-gcc', 'program own-tool']],
  [
    ['cargo', 'bootimage'],
    ['cargo-bootimage'],
    ['cargo', 'program cargo-bootimage'.replace('program', 'cargo')],
  ],
])('%j with %j', (build, tools, packages) => {
  expect(packagesOf(build, tools)).toEqual(packages)
})

it('asks rustup for a target', () => {
  const profile = withKernel(
    bare,
    kernelSchema.parse({
      build: ['cargo', 'build'],
      tools: ['rustup target x86_64-unknown-none'],
      image: 'k',
    }),
  )
  expect(setsOf(profile)[0]?.dependencies[1]).toMatchObject({
    kind: 'rust-toolchain',
    targets: ['x86_64-unknown-none'],
  })
})

it('says what no distribution has', () => {
  const profile = withKernel(
    bare,
    kernelSchema.parse({ build: ['make'], tools: ['i686-elf-gcc'], image: 'k' }),
  )
  expect(setsOf(profile)[0]?.dependencies[1]?.why).toContain('Debian has no package')
})
