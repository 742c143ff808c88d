import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { WRONG_REGIONS } from '../../test/pmem/wrong-regions.ts'
import { GiB, MiB } from '../units.ts'
import { formatSpan, type MemoryMap, totalBytes } from './memory-map.ts'
import { memmapWord, parseParameters } from './parse-parameters.ts'
import { mapOfLog } from './read-map.ts'
import { checkRegion, checkRegions } from './region-rules.ts'
import { ramOf } from './user-map.ts'

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

test('what another memmap= keeps from the kernel is not called persistent, and has a remedy of its own', () => {
  const parameters = parseParameters('memmap=512M$1G,64K#1700M')
  const map = { ...guest, parameters }
  const [found] = checkRegion({ bytes: 256 * MiB, start: 1.25 * GiB }, map)
  expect(found).toMatchObject({
    code: 'PMEM_CLAIMED',
    evidence: ['memmap=512M$1G on the command line'],
    remedy: expect.stringContaining('take memmap=512M$1G off the command line'),
  })
  expect(problemsOf([{ bytes: 128 * MiB, start: 1664 * MiB }], map)).toEqual(['PMEM_CLAIMED'])
  const withTypes = { ...guest, parameters: parseParameters('memmap=256M%1G-1+12 memmap=256M%1536M-1') }
  expect(problemsOf([{ bytes: 256 * MiB, start: 1 * GiB }], withTypes)).toEqual(['PMEM_TAKEN'])
  expect(problemsOf([{ bytes: 256 * MiB, start: 1536 * MiB }], withTypes)).toEqual(['PMEM_CLAIMED'])
})

test('a backslash that reached the kernel makes a limit of the size', () => {
  const map = { ...mapOf('laptop-33g'), parameters: parseParameters('memmap=4G\\!12G') }
  expect(ramOf(map).every((span) => span.end <= 4 * GiB)).toBe(true)
  expect(ramOf({ ...map, parameters: parseParameters('memmap=4G!12G') }).some((s) => s.end > 16 * GiB)).toBe(
    true,
  )
})

test('kernels that UEFI starts: which of them may put themselves anywhere, and which take the lowest place', () => {
  const server = { ...mapOf('server-two-sockets-optane'), isEfi: true }
  const far = { bytes: 79 * GiB, start: 82 * GiB }
  const codes = (version: string | undefined, region = far, words = '') =>
    checkRegion(region, {
      ...server,
      parameters: parseParameters(words),
      ...(version === undefined ? {} : { version }),
    })
      .map((d) => d.code)
      .filter((code) => code === 'PMEM_EFI_KASLR' || code === 'PMEM_UNDER_KERNEL')
  for (const version of ['6.1.81', '6.1.92', '6.6.0', '6.6.32', '6.7.12', '6.8.0', '6.9.3'])
    expect([version, codes(version)]).toEqual([version, ['PMEM_EFI_KASLR']])
  for (const version of [
    '5.15.0',
    '6.1.80',
    '6.1.93',
    '6.5.13',
    '6.6.33',
    '6.9.4',
    '6.10.0',
    '7.0',
    undefined,
  ])
    expect([version, codes(version)]).toEqual([version, []])
  const low = { bytes: 256 * MiB, start: 16 * MiB }
  expect(codes('6.12.1', low)).toEqual(['PMEM_UNDER_KERNEL'])
  expect(codes('5.15.0', low)).toEqual([])
  expect(codes('6.8.0', far, 'nokaslr')).toEqual([])
  expect(codes('6.8.0', low, 'nokaslr')).toEqual(['PMEM_UNDER_KERNEL'])
})

test('the version and the firmware come from the log', () => {
  const log = (more: string) => `Linux version ${more}\nefi: EFI v2.7 by EDK II
BIOS-e820: [mem 0x0000000000000000-0x000000007fffffff] usable`
  expect(mapOfLog(log('6.1.0-50-amd64 (x@y) (gcc-12 12.2.0) #1 SMP Debian 6.1.176-1'))).toMatchObject({
    version: '6.1.176',
    isEfi: true,
  })
  expect(mapOfLog(log('6.8.0-45-generic (buildd@x) #45-Ubuntu SMP')).version).toBe('6.8.0')
  expect(mapOfLog(log('6.8').replace('efi: EFI v2.7', 'efi: nothing'))).toMatchObject({
    version: '6.8',
    isEfi: false,
  })
})

/** A kernel that was started by BIOS with five such parameters lay inside the fifth region, in two boots of two. */
test('the kernel remembers four regions of memmap= to keep clear of', () => {
  const kernel = { start: 1 * GiB, end: 1 * GiB + 50 * MiB }
  const limit = (words: string) =>
    checkRegions([{ bytes: 64 * MiB, start: 512 * MiB }], {
      ...guest,
      kernel,
      parameters: parseParameters(words),
    })
      .filter((d) => d.code === 'PMEM_KASLR_LIMIT')
      .map((d) => d.what)
  const four = '2M!1900M memmap=2M$1904M memmap=2M#1908M'
  expect(limit(`memmap=${four}`)).toEqual([])
  expect(limit(`memmap=${four} memmap=2M!1912M`)).toEqual([
    'there would be 5 memmap= with an address; the kernel may put itself into memmap=64M!512M',
  ])
  // None of these has a place to keep clear of.
  expect(limit(`memmap=${four} memmap=1M@1912M mem=1900M memmap=1900M memmap=2M%1912M-1+12`)).toEqual([])
  // With five in one parameter it gives up choosing, and stays where it is loaded.
  expect(limit('memmap=2M!1900M,2M!1904M,2M!1908M,2M!1912M,2M!1916M')).toEqual([])
})

test('a command line with which the kernel panics', () => {
  expect(
    problemsOf([{ bytes: 64 * MiB, start: 1 * GiB }], {
      ...guest,
      parameters: parseParameters('memmap=1G!0xffffffffc0000000'),
    }),
  ).toContain('PMEM_MAP_INVALID')
})

test('efi_fake_mem= makes RAM special-purpose memory, as the kernel reads it', () => {
  const spans = (words: string) =>
    parseParameters(words).fakeMemory.map(({ word, span }) => `${word} ${span ? formatSpan(span) : ''}`)
  const two = '256M@1G:0x40000 [mem 0x0000000040000000-0x000000004fffffff]'
  expect(spans('efi_fake_mem=256M@1G:0x40000')).toEqual([`efi_fake_mem=${two}`])
  // Octal and decimal, several in one, dashes for underscores, and an attribute among others.
  expect(spans('efi-fake-mem=256M@1G:262144')).toEqual([`efi_fake_mem=${two.replace('0x40000', '262144')}`])
  expect(spans('efi_fake_mem=256M@1G:01000000').length).toBe(1)
  expect(spans('efi_fake_mem=256M@1G:0x40000,4K@2G:0x5000f,1M@3G:0x40000').length).toBe(3)
  // EFI_MEMORY_MORE_RELIABLE leaves RAM what it is.
  expect(spans('efi_fake_mem=2G@4G:0x10000')).toEqual([])
  // Reading ends at what the kernel does not understand; what it has read by then counts.
  expect(spans('efi_fake_mem=256M@1G:0x40000,x')).toEqual([`efi_fake_mem=${two}`])
  expect(spans('efi_fake_mem=256M@1G:0x40000;1M@3G:0x40000').length).toBe(1)
  expect(spans('efi_fake_mem=256M!1G efi_fake_mem=256M@1G efi_fake_mem=4G efi_fake_mem')).toEqual([])
  // It keeps eight.
  expect(spans(`efi_fake_mem=${'1M@1G:0x40000,'.repeat(9)}`).length).toBe(8)
  expect(spans('efi=debug,nosoftreserve efi_fake_mem=256M@1G:0x40000')).toEqual([])
})

test('a region in what efi_fake_mem= takes is refused, where the kernel knows that parameter', () => {
  const log = (version: string, firmware = 'efi: EFI v2.7 by EDK II', more = '') =>
    mapOfLog(`Linux version ${version}\n${firmware}\n${more}
Command line: quiet efi_fake_mem=512M@1G:0x40000
BIOS-e820: [mem 0x0000000000000000-0x000000007fffffff] usable
BIOS-e820: [mem 0x0000000080000000-0x000000009fffffff] reserved`)
  const region = { bytes: 256 * MiB, start: 1 * GiB }
  const codes = (...given: Parameters<typeof log>) =>
    problemsOf([region], log(...given)).filter((code) => code === 'PMEM_CLAIMED')
  expect(codes('6.1.176')).toEqual(['PMEM_CLAIMED'])
  expect(codes('5.15.0')).toEqual(['PMEM_CLAIMED'])
  expect(codes('5.4.0')).toEqual([])
  expect(codes('6.12.1')).toEqual([])
  expect(codes('6.1.176', 'SMBIOS 3.0.0 present.')).toEqual([])
  const told = 'efi_fake_mem: add attr=0x0000000000040000 to [mem 0x0000000040000000-0x000000005fffffff]'
  expect(codes('6.12.1', 'efi: EFI v2.7 by x', told)).toEqual(['PMEM_CLAIMED'])
  const ram = (map: MemoryMap) => totalBytes(ramOf(map)) / MiB
  expect([ram(log('6.1.176')), ram(log('6.12.1'))]).toEqual([1536, 2048])
})
