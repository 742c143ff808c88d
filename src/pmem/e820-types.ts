/** Numbers of the types in the firmware’s memory map. Source: `arch/x86/include/asm/e820/types.h`. */
import type { RangeKind } from './memory-map.ts'

const TYPES = {
  ram: 1,
  reserved: 2,
  'acpi-data': 3,
  'acpi-nvs': 4,
  unusable: 5,
  persistent: 7,
  emulated: 12,
  'soft-reserved': 0xefff_ffff,
} as const satisfies Partial<Record<RangeKind, number>>

/** Stands for all types that bringup does not know; the firmware uses it for none that it does. */
const OTHER = 6

export function typeOfKind(kind: RangeKind): number {
  return kind === 'other' ? OTHER : TYPES[kind]
}

export function kindOfType(type: number): RangeKind {
  const found = Object.entries(TYPES).find(([, value]) => value === type)
  return (found?.[0] as RangeKind | undefined) ?? 'other'
}
