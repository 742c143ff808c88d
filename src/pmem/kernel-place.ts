/** Where a kernel that is started with `memmap=` may put itself. Pure. */
import type { MemoryMap } from './memory-map.ts'

/**
 * - `fixed`: it stays where it is loaded.
 * - `lowest`: UEFI gives it the lowest free memory from 16 MiB on, since `memmap=` turns its random placement off.
 * - `clear`: at random, clear of the regions that it remembers.
 * - `anywhere`: at random, without regard to `memmap=`.
 */
export type KernelPlacement = 'fixed' | 'lowest' | 'clear' | 'anywhere'

/** Of `memmap=` regions, the code that chooses the kernel’s place remembers so many. */
export const MAX_AVOIDED = 4

export function kernelPlacement(map: MemoryMap, defaultStart: number): KernelPlacement {
  if (!map.parameters.hasKaslr) return 'fixed'
  const efi = map.isEfi === true ? efiStub(map.version) : 'unpacks-later'
  if (efi !== 'unpacks-later') return efi
  // With more than four regions in one parameter it chooses none at random.
  if (map.parameters.avoided === 'given-up') return 'fixed'
  // One that lies at the default place did not choose it: it was started past the code that chooses, as by PVH.
  return map.kernel?.start === defaultStart ? 'fixed' : 'clear'
}

/**
 * Since a1b87d54f4e4 (6.6, 6.1.81) the EFI stub itself chooses the place, and asks only the firmware what is free; since
 * 15aa8fb852f9 (6.10, 6.9.4, 6.6.33, 6.1.93) it chooses none at random when `memmap=` is there. Earlier ones leave it to
 * the code that knows `memmap=`.
 */
const STUB_SERIES: Readonly<Record<string, { readonly since: number; readonly repaired: number }>> = {
  '6.1': { since: 81, repaired: 93 },
  '6.6': { since: 0, repaired: 33 },
  '6.7': { since: 0, repaired: Number.POSITIVE_INFINITY },
  '6.8': { since: 0, repaired: Number.POSITIVE_INFINITY },
  '6.9': { since: 0, repaired: 4 },
}

function efiStub(version: string | undefined): 'unpacks-later' | 'lowest' | 'anywhere' {
  const [, major, minor, patch = '0'] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(version ?? '') ?? []
  // Without a version the kernel is taken for one of today.
  if (major === undefined || minor === undefined) return 'lowest'
  if (Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 10)) return 'lowest'
  const series = STUB_SERIES[`${Number(major)}.${Number(minor)}`]
  if (!series || Number(patch) < series.since) return 'unpacks-later'
  return Number(patch) < series.repaired ? 'anywhere' : 'lowest'
}

/**
 * The version in the kernel’s own words, `Linux version …`: that of the stable series where a distribution’s release
 * hides it and the text after the build number has it: `6.1.0-50-amd64 … #1 SMP … 6.1.176-1`.
 */
export function versionIn(text: string): string | undefined {
  const line = /Linux version ([^\r\n]*)/.exec(text)?.[1]
  if (line === undefined) return undefined
  return (/ #\d+ .* (\d+\.\d+\.\d+)-\d/.exec(line) ?? /^(\d+\.\d+(?:\.\d+)?)/.exec(line))?.[1]
}
