/** Disk images and stores of any content, in a folder of their own: what is read of them before a machine starts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { gatherFacts } from '../../src/plan/gather.ts'

/** A qcow2 header of version 3 whose backing file's name lies at 104 (docs/interop/qcow2.txt). */
function qcow2(name: string): Buffer {
  const header = Buffer.alloc(1024)
  header.write('QFI\u00fb', 0, 'latin1')
  header.writeUInt32BE(3, 4)
  header.writeBigUInt64BE(104n, 8)
  header.writeUInt32BE(Buffer.byteLength(name), 16)
  header.writeUInt32BE(16, 20)
  header.writeBigUInt64BE(1n << 30n, 24)
  header.writeUInt32BE(4, 96)
  header.writeUInt32BE(104, 100)
  header.write(name, 104)
  return header
}

const begin = fc.oneof(
  fc.constantFrom('image', './image', 'json:{"driver":"raw"}', '../../../x', 'a'.repeat(600)).map(qcow2),
  fc
    .constantFrom('NAMESPACE_INDEX\0', '\u007fELF', 'MZ', '070701', 'x')
    .map((text) => Buffer.from(text, 'latin1')),
)
const change = fc.record({ at: fc.nat(4096), word: fc.integer({ min: 0, max: 0xffff_ffff }) })

export const arbitraryImage = fc
  .record({
    begin,
    bytes: fc.integer({ min: 0, max: 300_000 }),
    changes: fc.array(change, { maxLength: 12 }),
  })
  .map(({ begin, bytes, changes }) => {
    const image = Buffer.alloc(bytes)
    begin.copy(image)
    for (const { at, word } of changes) if (at + 4 <= bytes) image.writeUInt32BE(word, at)
    return image
  })

export function tryImage(image: Buffer): void {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-fuzz-image-'))
  const path = join(folder, 'image')
  try {
    writeFileSync(path, image)
    writeFileSync(`${path}.bringup.jsonl`, image.subarray(0, 2000))
    const fact = gatherFacts([path], { accelerators: [] }, folder).files.get(path)
    if (fact?.kind !== 'file') throw new Error(`it is ${fact?.kind}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
