import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
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

function u32(...numbers: readonly number[]): Buffer {
  const buffer = Buffer.alloc(numbers.length * 4)
  for (const [index, number] of numbers.entries()) buffer.writeUInt32LE(number >>> 0, index * 4)
  return buffer
}

/** An ELF with one program header of type PT_NOTE, and one note of that type. */
function elf(is64: boolean, noteType: number, ...more: readonly (readonly [number, Uint8Array])[]): Buffer {
  const ident = Buffer.from([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, 1, 1])
  const note = Buffer.concat([
    u32(4, 4, 0),
    Buffer.from('GNU\0'),
    u32(0),
    u32(4, 8, noteType),
    Buffer.from('Xen\0'),
    u32(0x100000, 0),
  ])
  const file = bytes([0, ident], [2048, note], ...more)
  file.writeUInt16LE(1, is64 ? 56 : 44)
  file.writeUInt16LE(is64 ? 56 : 32, is64 ? 54 : 42)
  file.writeUInt32LE(64, is64 ? 32 : 28)
  u32(4).copy(file, 64)
  file.writeUInt32LE(2048, 64 + (is64 ? 8 : 4))
  file.writeUInt32LE(note.length, 64 + (is64 ? 32 : 16))
  return file
}

const multiboot = u32(0x1badb002, 3, -(0x1badb002 + 3))

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
  ['ELF with PVH note', elf(true, 18), 'elf-pvh'],
  ['32-bit ELF with PVH note', elf(false, 18), 'elf-pvh'],
  ['ELF with another note', elf(true, 17), 'elf64'],
  ['32-bit ELF', elf(false, 17), 'elf32'],
  ['ELF with multiboot header', elf(false, 17, [1024, multiboot]), 'elf-multiboot'],
  ['multiboot magic without its checksum', elf(true, 17, [1024, u32(0x1badb002, 3, 0)]), 'elf64'],
  ['cut ELF', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2]), 'elf64'],
  ['gzip', gzipSync('x'), 'gzip'],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0]), 'xz'],
  ['cpio', '070701000000', 'cpio'],
  ['boot sector', bytes([510, Buffer.from([0x55, 0xaa])]), 'boot-sector'],
  ['damaged qcow2', Buffer.from('QFI\xfb\0\0\0\x03garbage and more garbage', 'latin1'), 'unknown'],
])('%s', (_, content, expected) => {
  expect(sniffed(content)).toBe(expected)
})

test('a real qcow2 image, no file, and this very ELF', () => {
  const image = join(folder, 'a.qcow2')
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', image, '1M'])
  expect(sniff(image)).toBe('qcow2')
  expect(sniff(join(folder, 'missing'))).toBeUndefined()
  expect(sniff(process.execPath)).toBe('elf64')
})
