import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { WRONG_REGIONS } from '../../test/pmem/wrong-regions.ts'
import { GiB, MiB } from '../units.ts'
import type { MemoryMap } from './memory-map.ts'
import { memmapWord, parseParameters } from './parse-parameters.ts'
import { mapOfLog } from './read-map.ts'
import { checkRegion, checkRegions } from './region-rules.ts'

const mapOf = (name: string) =>
  mapOfLog(readFileSync(new URL(`../../test/pmem/maps/${name}.log`, import.meta.url), 'utf8'))
const guest = mapOf('guest-2g')
const problemsOf = (regions: Parameters<typeof checkRegions>[0], map: MemoryMap) =>
  checkRegions(regions, map)
    .filter((d) => d.severity !== 'note')
    .map((d) => d.code)

describe('a region that does not do', () => {
  test.each(WRONG_REGIONS.map((r) => [`${memmapWord(r)} ${r.with ?? ''}`, r] as const))('%s', (_, region) => {
    const map = { ...guest, parameters: parseParameters(region.with ?? '') }
    expect(problemsOf([region], map)).toEqual(region.codes)
  })
})

describe('regions that do', () => {
  test.each([
    [256 * MiB, 1 * GiB],
    [256 * MiB, 16 * MiB],
    [200 * MiB, 1840 * MiB],
  ])('%d at %d of 2 GiB', (bytes, start) => {
    expect(problemsOf([{ bytes, start }], guest)).toEqual([])
  })
  test('one that shares its memory section with RAM is remarked on', () => {
    expect(checkRegion({ bytes: 200 * MiB, start: 1840 * MiB }, guest).map((d) => d.code)).toEqual([
      'PMEM_PARTIAL_SECTION',
    ])
  })
})

test('nodes: straddled, wrong, unknown', () => {
  const map = mapOf('two-nodes-4g')
  expect(problemsOf([{ bytes: 1 * GiB, start: 1.5 * GiB }], map)).toEqual(['PMEM_STRADDLES_NODES'])
  expect(problemsOf([{ bytes: 1 * GiB, start: 4 * GiB, node: 0 }], map)).toEqual(['PMEM_WRONG_NODE'])
  expect(problemsOf([{ bytes: 1 * GiB, start: 4 * GiB, node: 7 }], map)).toEqual(['PMEM_NODE_UNKNOWN'])
})

test('what is persistent already is left alone, real or emulated', () => {
  const optane = mapOf('server-two-sockets-optane')
  expect(problemsOf([{ bytes: 1 * GiB, start: 80 * GiB }], optane)).toEqual(['PMEM_TAKEN'])
  const emulated = { ...guest, parameters: parseParameters('quiet memmap=256M!1G,64K$0x18690000') }
  expect(problemsOf([{ bytes: 256 * MiB, start: 1152 * MiB }], emulated)).toEqual(['PMEM_TAKEN'])
  expect(problemsOf([{ bytes: 256 * MiB, start: 512 * MiB }], emulated)).toEqual([])
})

test('the kernel’s place counts only where it does not choose it; the crash kernel’s where it is named', () => {
  const kernel = { start: 1 * GiB, end: 1 * GiB + 50 * MiB }
  const region = { bytes: 256 * MiB, start: 1 * GiB }
  expect(problemsOf([region], { ...guest, kernel })).toEqual([])
  expect(problemsOf([region], { ...guest, kernel, parameters: parseParameters('nokaslr') })).toEqual([
    'PMEM_UNDER_KERNEL',
  ])
  const atDefault = { start: 16 * MiB, end: 56 * MiB }
  expect(problemsOf([{ bytes: 256 * MiB, start: 32 * MiB }], { ...guest, kernel: atDefault })).toEqual([
    'PMEM_UNDER_KERNEL',
  ])
  const crashKernel = [{ start: 1 * GiB, end: 1 * GiB + 128 * MiB }]
  const at = { ...guest, crashKernel, parameters: parseParameters('crashkernel=128M@1G') }
  expect(problemsOf([region], at)).toEqual(['PMEM_CRASH_KERNEL'])
  expect(problemsOf([region], { ...at, parameters: parseParameters('crashkernel=128M') })).toEqual([])
})

test('what is left of the RAM', () => {
  expect(problemsOf([{ bytes: 1792 * MiB, start: 128 * MiB }], guest)).toEqual(['PMEM_TOO_LITTLE_RAM'])
  expect(problemsOf([{ bytes: 6912 * MiB, start: 256 * MiB }], mapOf('cloud-8g'))).toContain('PMEM_NOT_RAM')
  const many = [4, 5, 6, 7, 8].map((n) => ({ bytes: 1 * GiB, start: n * GiB }))
  expect(problemsOf(many, mapOf('laptop-33g'))).toEqual(['PMEM_KASLR_LIMIT'])
  expect(
    problemsOf(
      [
        { bytes: 1 * GiB, start: 4 * GiB },
        { bytes: 1 * GiB, start: 4.5 * GiB },
      ],
      mapOf('laptop-33g'),
    ),
  ).toEqual(['PMEM_OVERLAP'])
  expect(problemsOf([{ bytes: 64 * GiB, start: 318 * GiB }], mapOf('server-two-sockets-optane'))).toEqual([
    'PMEM_INITRD',
    'PMEM_LITTLE_RAM',
  ])
})
