import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { bootImage, iso } from '../../test/support/media.ts'
import { bootCatalogOf, bootSectorOf } from './boot-medium.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-boot-medium-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(content: Buffer): string {
  const path = join(folder, 'image')
  writeFileSync(path, content)
  return path
}

const CATALOG = 19 * 2048

it('reads by which firmware an ISO boots', () => {
  expect(bootCatalogOf(file(iso()))).toBe('bios')
  const efi = iso()
  efi[CATALOG + 1] = 0xef
  expect(bootCatalogOf(file(efi))).toBe('uefi')
  // Both: the default entry is for BIOS, a section behind it for UEFI.
  const section = Buffer.from([0x91, 0xef, 1, 0])
  const both = iso()
  section.copy(both, CATALOG + 64)
  both[CATALOG + 96] = 0x88
  expect(bootCatalogOf(file(both))).toBe('bios')
  both[CATALOG + 32] = 0
  expect(bootCatalogOf(file(both))).toBe('uefi')
})

it('takes no other ISO and no torn one for one that boots', () => {
  const unbootable = iso()
  unbootable[CATALOG + 32] = 0
  const wrong = iso()
  wrong[CATALOG + 0x1e] = 0
  const far = iso()
  far.writeUInt32LE(0xffffffff, 17 * 2048 + 0x47)
  const all = [unbootable, wrong, far, iso().subarray(0, CATALOG + 8), Buffer.alloc(40_000), Buffer.alloc(0)]
  expect(all.map((image) => bootCatalogOf(file(image)))).toEqual(all.map(() => undefined))
})

it('reads whether a disk or a floppy has a boot sector with code', () => {
  expect(bootSectorOf(file(bootImage(512)))).toBe('bios')
  const table = Buffer.alloc(1024)
  table.writeUInt16LE(0xaa55, 510)
  const fat = bootImage(1024)
  fat.write('This is not a bootable disk.', 100, 'latin1')
  const all = [table, fat, bootImage(512).subarray(0, 511), Buffer.alloc(512)]
  expect(all.map((image) => bootSectorOf(file(image)))).toEqual(all.map(() => undefined))
})

it('reads regular files only', () => {
  mkdirSync(join(folder, 'folder'))
  for (const path of [join(folder, 'folder'), join(folder, 'missing'), '/dev/zero'])
    expect([bootSectorOf(path), bootCatalogOf(path)]).toEqual([undefined, undefined])
})
