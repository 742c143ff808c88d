/** What bringup says of a region is what a kernel does with it: each is forced on a guest. */
import { fileURLToPath } from 'node:url'
import { describe } from 'vitest'
import { isClean } from '../../src/diagnostics.ts'
import type { Guest } from '../../src/guest/guest.ts'
import { parseUserLog } from '../../src/pmem/parse-map.ts'
import { memmapWord, parseParameters } from '../../src/pmem/parse-parameters.ts'
import { mapOfLog } from '../../src/pmem/read-map.ts'
import { checkRegions } from '../../src/pmem/region-rules.ts'
import { expect, type Launch, test } from '../../src/testing/index.ts'
import { GiB, MiB } from '../../src/units.ts'
import { WRONG_REGIONS } from './wrong-regions.ts'

const folder = fileURLToPath(new URL('project', import.meta.url))
const NO_BOOT_MS = 40_000

/** The panics of interest come before the serial console is up. */
const boot = (launch: Launch, words: string) =>
  launch(
    { memory: '2G', boot: { append: `earlyprintk=ttyS0 ${words}` } },
    { profile: 'emulated-pmem', folder },
  )

const sh = async (guest: Guest, script: string) => (await guest.run(['sh', '-c', script])).stdout

/** Bytes of each `/dev/pmem`. */
const devices = async (guest: Guest) =>
  (await sh(guest, 'cat /sys/block/pmem*/size 2>/dev/null'))
    .split('\n')
    .filter(Boolean)
    .map((n) => Number(n) * 512)

/** The map without the region: what bringup would have seen before. */
const mapBefore = async (guest: Guest, words: string) => ({
  ...mapOfLog(await sh(guest, 'dmesg')),
  parameters: parseParameters(words),
})

const MOUNT =
  'mkfs.ext4 -q -b 4096 /dev/pmem0 && mkdir -p /mnt && mount -t ext4 -o dax /dev/pmem0 /mnt && echo mounted'

describe('wrong regions', () => {
  for (const region of WRONG_REGIONS) {
    const words = [memmapWord(region), ...(region.with === undefined ? [] : [region.with])].join(' ')
    test(`${words}: ${region.codes.join(', ')}`, async ({ launch }) => {
      const guest = await boot(launch, words)
      const { seen } = region
      if (seen.kind === 'no-boot') {
        await expect(guest.run(['true'], { timeoutMs: NO_BOOT_MS })).rejects.toThrow()
        if (seen.says) expect(guest.console.tail().join('\n')).toMatch(seen.says)
        return
      }
      expect(checkRegions([region], await mapBefore(guest, region.with ?? '')).map((d) => d.code)).toEqual(
        expect.arrayContaining([...region.codes]),
      )
      if (seen.kind === 'no-device') {
        expect(await devices(guest)).not.toContain(region.bytes)
        expect(await sh(guest, 'dmesg')).toMatch(seen.says)
      } else {
        expect(await devices(guest)).toEqual([region.bytes])
        expect(await sh(guest, MOUNT)).not.toContain('mounted')
      }
    })
  }
})

describe('right regions', () => {
  const RIGHT = [
    [{ bytes: 256 * MiB, start: 1 * GiB }],
    [{ bytes: 200 * MiB, start: 1840 * MiB }],
    [
      { bytes: 128 * MiB, start: 1 * GiB },
      { bytes: 128 * MiB, start: 1280 * MiB },
    ],
  ]
  for (const regions of RIGHT) {
    const words = regions.map(memmapWord).join(' ')
    test(words, async ({ launch }) => {
      const guest = await boot(launch, words)
      expect(isClean(checkRegions(regions, await mapBefore(guest, '')))).toBe(true)
      expect(await devices(guest)).toEqual(regions.map((r) => r.bytes))
      expect(parseUserLog(await sh(guest, 'dmesg')).filter((r) => r.kind === 'emulated')).toEqual(
        regions.map(({ start, bytes }) => ({ start, end: start + bytes, kind: 'emulated' })),
      )
      expect(await sh(guest, MOUNT)).toContain('mounted')
      expect(await sh(guest, 'cat /proc/mounts')).toMatch(/pmem0 \/mnt ext4 .*dax=always/)
    })
  }
})
