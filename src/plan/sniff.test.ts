import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { elfKernel, pvhNote, rawMultiboot, words as u32 } from '../../test/support/kernels.ts'
import { sniff } from './sniff.ts'

const folder = mkdtempSync(join(tmpdir(), 'sniff-'))
afterAll(() => rmSync(folder, { recursive: true }))

function sniffed(content: Uint8Array | string) {
  const path = join(folder, 'file')
  writeFileSync(path, content)
  return sniff(path)
}

/** 4 KiB of zeros with some bytes at some places. */
function bytes(...parts: readonly (readonly [at: number, content: Uint8Array | string])[]): Buffer {
  const buffer = Buffer.alloc(4096)
  for (const [at, content] of parts) Buffer.from(content as string).copy(buffer, at)
  return buffer
}

test.each([
  ['nothing', '', 'empty'],
  ['zeros', Buffer.alloc(4096), 'unknown'],
  ['words', 'Grüße\n', 'text'],
  ['words cut in a letter', `${'a'.repeat(511)}ü`, 'text'],
  [
    'bzImage that is PE as well',
    bytes([0, 'MZ'], [0x202, 'HdrS'], [510, Buffer.from([0x55, 0xaa])]),
    'linux-bzimage',
  ],
  ['PE', bytes([0, 'MZ'], [0x3c, u32(128)], [128, 'PE\0\0']), 'pe'],
  ['PE header far away', bytes([0, 'MZ'], [0x3c, u32(1 << 30)]), 'unknown'],
  ['ELF with PVH note', elfKernel({ notes: [{ notes: [pvhNote()] }] }), 'elf-pvh'],
  ['32-bit ELF with PVH note', elfKernel({ bits: 32, notes: [{ notes: [pvhNote()] }] }), 'elf-pvh'],
  ['ELF without notes', elfKernel(), 'elf64'],
  ['32-bit ELF', elfKernel({ bits: 32 }), 'elf32'],
  ['ELF with multiboot header', elfKernel({ multiboot: {} }), 'elf-multiboot'],
  [
    'ELF with PVH note and multiboot header',
    elfKernel({ multiboot: {}, notes: [{ notes: [pvhNote()] }] }),
    'elf-multiboot',
  ],
  ['multiboot magic without its checksum', elfKernel({ multiboot: { checksum: 0 } }), 'elf64'],
  ['multiboot without ELF', rawMultiboot({}), 'multiboot'],
  ['cut ELF', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2]), 'elf64'],
  ['gzip', gzipSync('x'), 'gzip'],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0]), 'xz'],
  ['cpio', '070701000000', 'cpio'],
  ['boot sector', bytes([510, Buffer.from([0x55, 0xaa])]), 'boot-sector'],
  ['damaged qcow2', Buffer.from('QFI\xfb\0\0\0\x03garbage and more garbage', 'latin1'), 'unknown'],
])('%s', (_, content, expected) => {
  expect(sniffed(content)?.content).toBe(expected)
})

test('a real qcow2 image, no file, and this very ELF', () => {
  const image = join(folder, 'a.qcow2')
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', image, '1M'])
  expect(sniff(image)?.content).toBe('qcow2')
  expect(sniff(join(folder, 'missing'))).toBeUndefined()
  expect(sniff(process.execPath)?.content).toBe('elf64')
})

test('no numbers in an ELF file make the reader loop or allocate', () => {
  const hostile = [0, 1, 3, 4, 8, 0x1000, 0xfffffff4, 0xffffffff]
  for (const bits of [32, 64] as const) {
    for (const [nameBytes, descriptionBytes, align] of hostile.flatMap((a) =>
      hostile.flatMap((b) => hostile.map((c) => [a, b, c] as const)),
    )) {
      const file = elfKernel({ bits, notes: [{ notes: [{ type: 17, nameBytes, descriptionBytes }], align }] })
      expect(sniffed(file)?.kernel?.protocol).toBe('pvh')
    }
  }
})

test('a search through a file of zeros behind the notes comes to an end', () => {
  const file = elfKernel({
    fileBytes: 64 << 20,
    notes: [{ notes: [{ type: 17, description: Buffer.alloc(64) }] }],
  })
  const began = process.cpuUsage()
  expect(sniffed(file)?.kernel?.flaws.map((f) => f.kind)).toEqual(['no-entry'])
  expect(process.cpuUsage(began).user).toBeLessThan(3_000_000)
})
