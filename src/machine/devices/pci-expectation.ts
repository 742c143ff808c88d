/** What a guest must see of a device that is a PCI function. */
import type { Expectation } from '../device.ts'

/**
 * The guest must see at least `ordinal + 1` functions with that vendor and device number: equal cards cannot be told
 * apart by their numbers, only counted.
 *
 * @param numbers `1af4:1001`, four hexadecimal digits each.
 */
export function pciFunction(device: string, numbers: string, ordinal: number): Expectation {
  return {
    device,
    aspect: 'PCI function',
    want: numbers,
    see: (view) => {
      if (!view.pci) return undefined
      const alike = view.pci.filter((f) => `${f.vendor}:${f.device}` === numbers)
      return alike.length > ordinal ? numbers : null
    },
  }
}
