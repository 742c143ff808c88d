/** RAM as a guest counts it, compared with the RAM of the description. */
import { formatBytes, MiB } from '../../units.ts'
import type { MachineView } from '../device.ts'
import type { HardwareView } from '../guest-view.ts'

/**
 * What firmware keeps of the RAM: ACPI tables with SeaBIOS and qboot (under 0.5M in all machines tried), and with OVMF
 * also runtime services and its own pages: 6.45M in Linux 6.1 on Debian 12’s OVMF, whether the machine has 256M, 1G, 2G,
 * 3G, 4G or 8G; under 10M in all machines tried.
 */
const RESERVED_BYTES = { direct: MiB, bios: MiB, uefi: 16 * MiB } as const

/** The wanted size where the guest has it, less what the firmware may keep; otherwise what it has. */
export function seenMemory(
  want: number,
  seen: number,
  { view, machine }: { readonly view: HardwareView; readonly machine: MachineView },
): string {
  const reserved = view.omitsReserved === true ? RESERVED_BYTES[machine.firmware] : 0
  return formatBytes(seen <= want && seen >= want - reserved ? want : seen)
}
