import { expect, test } from 'vitest'
import { GiB, KiB, MiB } from '../units.ts'
import { splitCommandLine } from './kernel-arguments.ts'
import { totalBytes } from './memory-map.ts'
import {
  crashKernelIn,
  kernelIn,
  parseFirmwareEntries,
  parseFirmwareLog,
  parseIomem,
  parseUserLog,
  rangesOf,
} from './parse-map.ts'
import { memmapWord, parseKernelBytes, parseParameters } from './parse-parameters.ts'
import { mapOfLog } from './read-map.ts'
import { ramOf } from './user-map.ts'

test('the firmware’s map of a log: time stamps, quotes, journal prefixes, the last of several boots', () => {
  const log = [
    '[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable',
    'BIOS-e820: [mem 0x0000000000100000-0x000000003fffffff] usable',
    '>> [0] BIOS-e820: [mem 0x0000000000000000-0x000000000009efff] usable\r',
    'Jun 12 10:49:44 host kernel: BIOS-e820: [mem 0x000000000009f000-0x000000000009ffff] ACPI NVS',
    '[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] type 20',
    '[    0.000000] user: [mem 0x0000000040000000-0x000000004fffffff] persistent (type 12)',
  ].join('\n')
  expect(parseFirmwareLog(log)).toEqual([
    { start: 0, end: 0x9f000, kind: 'ram' },
    { start: 0x9f000, end: 0xa0000, kind: 'acpi-nvs' },
    { start: 0x100000, end: 2 * GiB, kind: 'other' },
  ])
  expect(parseUserLog(log)).toEqual([{ start: 1 * GiB, end: 1.25 * GiB, kind: 'emulated' }])
  expect(() => mapOfLog('nothing of the kind')).toThrow('PMEM_NO_MEMORY_MAP')
})

test('/sys/firmware/memmap: any order, neighbours joined', () => {
  expect(
    parseFirmwareEntries([
      { start: '0x100000000', end: '0x13fffffff', type: 'System RAM' },
      { start: '0x0', end: '0x9fbff', type: 'System RAM' },
      { start: '0x140000000', end: '0x17fffffff', type: 'System RAM' },
      { start: '0x9fc00', end: '0x9ffff', type: 'Persistent Memory' },
    ]),
  ).toEqual([
    { start: 0, end: 0x9fc00, kind: 'ram' },
    { start: 0x9fc00, end: 0xa0000, kind: 'persistent' },
    { start: 4 * GiB, end: 6 * GiB, kind: 'ram' },
  ])
})

test('/proc/iomem: the kernel, the crash kernel, and nothing where addresses are hidden', () => {
  const text = `00000000-00000fff : Reserved
00001000-0009fbff : System RAM
00100000-bfffffff : System RAM
  01000000-02209987 : Kernel code
  03b34000-03c57fff : Kernel bss
  28000000-2fffffff : Crash kernel
c0001000-eebfffff : PCI Bus 0000:00
100000000-13fffffff : Persistent Memory (legacy)
  100000000-13fffffff : namespace0.0
`
  const lines = parseIomem(text) ?? []
  expect(kernelIn(lines)).toEqual({ start: 0x1000000, end: 0x3c58000 })
  expect(crashKernelIn(lines)).toEqual([{ start: 0x28000000, end: 0x30000000 }])
  expect(rangesOf(lines)).toContainEqual({ start: 4 * GiB, end: 5 * GiB, kind: 'emulated' })
  expect(rangesOf(lines)).toHaveLength(4)
  expect(parseIomem('00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n')).toBeUndefined()
})

test('the command line: sizes, signs, lists, quotes, what is init’s', () => {
  expect(['16G', '0x10', '010', '4096', '1k', '2T', 'x', '', '1Q'].map(parseKernelBytes)).toEqual([
    16 * GiB,
    16,
    8,
    4096,
    KiB,
    2048 * GiB,
    undefined,
    undefined,
    undefined,
  ])
  expect(splitCommandLine('a="b c"  d -- memmap=1G!4G')).toEqual(['a=b c', 'd'])
  const { memmaps, hasKaslr, crashKernel } = parseParameters(
    'ro memmap=1G!4G,64K$0x18690000 memmap=2G@1M memmap=30G nokaslr mem=40G crashkernel=256M memmap=1%2-3',
  )
  expect(memmaps.map((m) => m.kind)).toEqual(['emulated', 'reserved', 'ram', 'limit', 'limit', 'removed'])
  expect(memmaps[0]?.span).toEqual({ start: 4 * GiB, end: 5 * GiB })
  expect([hasKaslr, crashKernel]).toEqual([false, '256M'])
})

test('memmap words are exact, and read back', () => {
  for (const region of [
    { bytes: 16 * GiB, start: 4 * GiB },
    { bytes: 200 * MiB, start: 1840 * MiB },
    { bytes: 1, start: 12_345 },
    { bytes: 4 * KiB, start: 0 },
  ]) {
    const [memmap] = parseParameters(memmapWord(region)).memmaps
    expect(memmap?.span).toEqual({ start: region.start, end: region.start + region.bytes })
  }
  expect(memmapWord({ bytes: 16 * GiB, start: 4 * GiB })).toBe('memmap=16G!4G')
})

test('RAM is what the firmware has, less what the command line takes', () => {
  const log = `Command line: quiet memmap=256M!1G mem=1536M
BIOS-e820: [mem 0x0000000000000000-0x000000007fffffff] usable
BIOS-e820: [mem 0x0000000080000000-0x00000000ffffffff] reserved`
  expect(totalBytes(ramOf(mapOfLog(log)))).toBe(1280 * MiB)
})
