import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { driversNotBuiltIn, extractVmlinux, hasPvhEntry, readBzImage } from './kernel-image.ts'

const folder = mkdtempSync(join(tmpdir(), 'kernel image '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const NOTE = '.section .note.Xen,"a",@note\n.long 4,4,18\n.asciz "Xen"\n.long _start\n'
let vmlinux: Buffer = Buffer.alloc(0)
let notPvh: Buffer = Buffer.alloc(0)

function assemble(name: string, source: string): Buffer {
  const file = join(folder, name)
  writeFileSync(`${file}.s`, `.globl _start\n_start: hlt\n${source}`)
  execFileSync('cc', ['-nostdlib', '-static', '-no-pie', '-Wl,--build-id=none', '-o', file, `${file}.s`])
  return readFileSync(file)
}

beforeAll(() => {
  vmlinux = assemble('pvh', NOTE)
  notPvh = assemble('plain', '')
})

/** As boot.rst lays it out: four setup sectors, then the loader with the payload at an offset. */
function bzImage(payload: Buffer, protocol = 0x20f): Buffer {
  const setup = Buffer.alloc(5 * 512)
  setup.writeUInt8(4, 0x1f1)
  setup.write('HdrS', 0x202, 'latin1')
  setup.writeUInt16LE(protocol, 0x206)
  setup.writeUInt16LE(0x400, 0x20e)
  setup.write('6.1.0-test (who@where) #1\0', 0x600, 'latin1')
  setup.writeUInt32LE(100, 0x248)
  setup.writeUInt32LE(payload.length, 0x24c)
  return Buffer.concat([setup, Buffer.alloc(100, 0xcc), payload, Buffer.alloc(50, 0xee)])
}

const sizeOf = (data: Buffer) => {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(data.length)
  return size
}

describe('the kernel inside a bzImage', () => {
  test('gzip, whose size is its own', async () => {
    expect((await extractVmlinux(bzImage(gzipSync(vmlinux))))?.equals(vmlinux)).toBe(true)
  })

  test.each([
    ['xz', ['-c', '--check=crc32']],
    ['zstd', ['-cq']],
    ['lz4', ['-lcq']],
  ])('%s, with the size that the build appends', async (program, args) => {
    const packed = execFileSync(program, args, { input: vmlinux })
    expect((await extractVmlinux(bzImage(Buffer.concat([packed, sizeOf(vmlinux)]))))?.equals(vmlinux)).toBe(
      true,
    )
  })

  test('stays where it is when it cannot be entered directly, is damaged, or is of an old protocol', async () => {
    expect(hasPvhEntry(vmlinux)).toBe(true)
    expect(hasPvhEntry(notPvh)).toBe(false)
    expect(await extractVmlinux(bzImage(gzipSync(notPvh)))).toBeUndefined()
    expect(await extractVmlinux(bzImage(gzipSync(vmlinux).subarray(0, 100)))).toBeUndefined()
    expect(await extractVmlinux(bzImage(gzipSync(vmlinux), 0x207))).toBeUndefined()
  })
})

test('reads the release, and no other file', () => {
  expect(readBzImage(bzImage(Buffer.alloc(10)))?.release).toBe('6.1.0-test')
  expect(readBzImage(Buffer.from('a text file'))).toBeUndefined()
})

describe('drivers that are built in', () => {
  const CHANNEL = ['virtio_pci', 'virtio_console']
  const withTexts = (...texts: readonly string[]) =>
    Buffer.concat([vmlinux, Buffer.from(['Linux version 6.1.0-test', ...texts, ''].join('\0'), 'latin1')])

  test('are found in an unpacked kernel and in a bzImage', async () => {
    const both = withTexts('virtio-pci', 'virtio-ports')
    expect(await driversNotBuiltIn(both, CHANNEL)).toEqual([])
    expect(await driversNotBuiltIn(bzImage(gzipSync(both)), CHANNEL)).toEqual([])
    const none = bzImage(gzipSync(withTexts('virtio-pci', 'virtio_console')))
    expect(await driversNotBuiltIn(none, CHANNEL)).toEqual(['virtio_console'])
  })

  test('are unknown where the kernel cannot be read', async () => {
    expect(await driversNotBuiltIn(bzImage(Buffer.from('no compression')), CHANNEL)).toBeUndefined()
    expect(await driversNotBuiltIn(Buffer.from('no kernel'), CHANNEL)).toBeUndefined()
  })
})
