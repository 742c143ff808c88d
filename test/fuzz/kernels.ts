/** Small kernels with bytes and words changed, as bringup reads a file that a user names as kernel. */
import fc from 'fast-check'
import { bufferSource } from '../../src/elf.ts'
import { readKernel } from '../../src/plan/kernel-file.ts'
import { KERNEL_MATRIX } from '../support/kernel-matrix.ts'

const files = Object.values(KERNEL_MATRIX)
  .map(({ file }) => file)
  .filter((file) => file.length > 64)

/** Numbers that arithmetic trips over, and any others. */
const word = fc.oneof(
  fc.constantFrom(0, 1, 4, 8, 0x1000, 0x7fffffff, 0x80000000, 0xfffffff4, 0xffffffff),
  fc.nat(),
)
const change = fc.record({
  /** Headers and notes get most of it. */
  at: fc.oneof(
    fc.nat(255),
    fc.integer({ min: 0x1f0, max: 0x260 }),
    fc.integer({ min: 0x800, max: 0x8ff }),
    fc.nat(0x4000),
  ),
  word,
})

export const arbitraryKernel = fc
  .record({
    file: fc.nat(files.length - 1),
    changes: fc.array(change, { maxLength: 8 }),
    cut: fc.option(fc.nat(4096)),
  })
  .map(({ file, changes, cut }) => {
    const kernel = Buffer.from(files[file] ?? Buffer.alloc(0))
    for (const { at, word } of changes) if (at + 4 <= kernel.length) kernel.writeUInt32LE(word >>> 0, at)
    return cut === null ? kernel : kernel.subarray(0, cut)
  })

export function tryKernel(kernel: Buffer): void {
  const fact = readKernel(bufferSource(kernel))
  for (const { from, to } of fact?.loads ?? []) {
    if (!(from >= 0 && to >= from)) throw new Error(`a part of the kernel from ${from} to ${to}`)
  }
}
