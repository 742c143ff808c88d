import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { BringupError } from '../../diagnostics.ts'
import type { ImageMeans } from './fat.ts'
import type { ImageSpec } from './image.ts'
import { writeImage } from './write.ts'

const MIB = 1024 * 1024
// Ordinary users often lack the folders of fsck and sfdisk.
process.env.PATH += ':/usr/sbin:/sbin'
const folder = mkdtempSync(join(tmpdir(), 'bringup images '))
afterAll(() => rmSync(folder, { recursive: true }))
mkdirSync(join(folder, 'esp/EFI/BOOT'), { recursive: true })
writeFileSync(join(folder, 'esp/EFI/BOOT/BOOTX64.EFI'), Buffer.alloc(70_000, 'E'))
writeFileSync(join(folder, 'esp/a rather long name.txt'), 'hello\n')
writeFileSync(join(folder, 'boot.bin'), Buffer.concat([Buffer.alloc(440, 0x90), Buffer.from([1, 2, 3, 4])]))
writeFileSync(join(folder, 'big.bin'), Buffer.alloc(3 * MIB, 'b'))

const means: ImageMeans = {
  folder,
  run: async ([program, ...args], env) => {
    const { status, stdout, stderr } = spawnSync(program, args, {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    })
    return { exitCode: status ?? -1, output: stdout + stderr }
  },
}

/** Writes it twice, from files of different age, and hands over the one content. */
async function written(image: ImageSpec): Promise<string> {
  const [first, second] = [join(folder, 'one.img'), join(folder, 'two.img')]
  await writeImage(image, first, means)
  for (const file of ['esp/EFI/BOOT/BOOTX64.EFI', 'boot.bin'])
    execFileSync('touch', ['-d', '@1234567890', join(folder, file)])
  await writeImage(image, second, means)
  expect(readFileSync(first).equals(readFileSync(second))).toBe(true)
  expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([])
  return first
}

async function refusal(image: ImageSpec): Promise<readonly string[]> {
  const error: unknown = await writeImage(image, join(folder, 'no.img'), means).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(BringupError)
  expect(readdirSync(folder).filter((name) => name.startsWith('no.img'))).toEqual([])
  return (error as BringupError).diagnostics.map((d) => d.code)
}

const type = (image: string, path: string) =>
  execFileSync('mtype', ['-i', image, `::/${path}`], { maxBuffer: 16 * MIB })
const fsck = (image: string) => execFileSync('fsck.vfat', ['-n', '-v', image], { encoding: 'utf8' })

test('a FAT image of a folder: the files are in it, and fsck finds nothing', async () => {
  const image = await written({
    kind: 'fat',
    folder: 'esp',
    label: 'ESP',
    files: { 'startup.nsh': { content: 'FS0:\r\n' } },
  })
  expect(statSync(image).size).toBe(1440 * 1024)
  expect(type(image, 'EFI/BOOT/BOOTX64.EFI').equals(Buffer.alloc(70_000, 'E'))).toBe(true)
  expect(type(image, 'a rather long name.txt').toString()).toBe('hello\n')
  expect(type(image, 'startup.nsh').toString()).toBe('FS0:\r\n')
  expect(fsck(image)).toContain('6 files') // the label and folders counted
  const listing = execFileSync('mdir', ['-i', image, '-/', '::'], { encoding: 'utf8' })
  expect(new Set(listing.match(/\d{4}-\d{2}-\d{2}/g))).toEqual(new Set(['1980-01-01']))
})

test('a FAT image grows with its content, and is FAT32 when asked', async () => {
  const grown = await written({ kind: 'fat', files: { big: { from: 'big.bin' } } })
  expect(statSync(grown).size).toBeGreaterThan(4 * MIB)
  expect(type(grown, 'big').length).toBe(3 * MIB)
  const wide = await written({ kind: 'fat', isFat32: true, files: { 'd/e/f': { content: 'x' } } })
  expect(readFileSync(wide).subarray(82, 90).toString()).toBe('FAT32   ')
  fsck(wide)
})

test('a GPT disk is what sfdisk reads, boot code included', async () => {
  await writeImage({ kind: 'fat', folder: 'esp' }, join(folder, 'esp.img'), means)
  const image = await written({
    kind: 'disk',
    table: 'gpt',
    bootCode: 'boot.bin',
    partitions: [
      { name: 'EFI system', type: 'esp', from: 'esp.img' },
      { name: 'root', type: 'linux', bytes: 5 * MIB },
    ],
  })
  expect(execFileSync('sfdisk', ['--verify', image], { encoding: 'utf8' })).toContain('No errors detected')
  const { partitiontable } = JSON.parse(execFileSync('sfdisk', ['--json', image], { encoding: 'utf8' }))
  expect(partitiontable).toMatchObject({
    label: 'gpt',
    partitions: [
      { start: 2048, size: 4096, type: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B', name: 'EFI system' },
      { start: 6144, size: 10240, type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4', name: 'root' },
    ],
  })
  const bytes = readFileSync(image)
  expect(bytes.subarray(0, 440).every((b) => b === 0x90)).toBe(true)
  expect(type(`${image}@@1M`, 'EFI/BOOT/BOOTX64.EFI').length).toBe(70_000)
})

test('an MBR disk with an active partition', async () => {
  const image = await written({
    kind: 'disk',
    table: 'mbr',
    bootCode: 'boot.bin',
    partitions: [{ type: '0x83', from: 'big.bin', isActive: true }],
  })
  const { partitiontable } = JSON.parse(execFileSync('sfdisk', ['--json', image], { encoding: 'utf8' }))
  expect(partitiontable).toMatchObject({
    label: 'dos',
    partitions: [{ start: 2048, size: 6144, type: '83', bootable: true }],
  })
  expect(
    readFileSync(image)
      .subarray(MIB, 4 * MIB)
      .every((b) => b === 0x62),
  ).toBe(true)
})

test('raw pieces lie where they were put, with zeros between', async () => {
  const image = await written({
    kind: 'raw',
    pieces: [
      { source: { content: 'kernel' }, at: 1024 },
      { source: { from: 'boot.bin' }, at: 0 },
    ],
  })
  const bytes = readFileSync(image)
  expect(bytes.length).toBe(1536)
  expect(bytes.subarray(444, 1024).every((b) => b === 0)).toBe(true)
  expect(bytes.subarray(1024, 1030).toString()).toBe('kernel')
})

test('a cpio archive, compressed or not', async () => {
  const files = { init: { content: '#!/bin/sh\n', mode: 0o755 } }
  const plain = readFileSync(await written({ kind: 'cpio', files }))
  const packed = readFileSync(await written({ kind: 'cpio', files, isCompressed: true }))
  expect(plain.subarray(0, 6).toString()).toBe('070701')
  expect(gunzipSync(packed).equals(plain)).toBe(true)
})

test('what is wrong is told before anything is written', async () => {
  expect(await refusal({ kind: 'fat', files: { a: { from: 'no' }, b: { from: 'nowhere' } } })).toEqual([
    'IMAGE_SOURCE_MISSING',
    'IMAGE_SOURCE_MISSING',
  ])
  expect(await refusal({ kind: 'fat', bytes: MIB, files: { big: { from: 'big.bin' } } })).toEqual([
    'IMAGE_TOO_SMALL',
  ])
  const partitions = [
    { type: 'reiser' },
    { type: 'linux', from: 'big.bin', bytes: MIB },
    { type: 'linux' },
    { type: 'linux' },
    { type: 'linux' },
  ]
  expect(await refusal({ kind: 'disk', table: 'mbr', bytes: 2 * MIB, partitions })).toEqual([
    'IMAGE_WRONG',
    'IMAGE_TOO_SMALL',
    'IMAGE_WRONG',
    'IMAGE_TOO_SMALL',
  ])
  const pieces = [
    { source: { content: 'abc' }, at: 0 },
    { source: { content: 'd' }, at: 2 },
  ]
  expect(await refusal({ kind: 'raw', pieces })).toEqual(['IMAGE_WRONG'])
})

test('what only mtools can tell to be too much is refused too', async () => {
  const image: ImageSpec = { kind: 'fat', bytes: 61_440, files: { a: { content: 'x'.repeat(60_000) } } }
  expect(await refusal(image)).toEqual(['IMAGE_TOO_SMALL'])
})
