/** The boot section's schema, and what it leaves to be chosen. */
import { z } from 'zod'
import type { MachineView } from '../device.ts'
import type { Facts } from '../facts.ts'

const path = (what: string) => z.string().min(1).optional().describe(what)

export const bootSchema = z.strictObject({
  kernel: path('Kernel image: Linux bzImage, or an ELF with a PVH note or multiboot header.'),
  initrd: path('Initial RAM disk.'),
  append: z.string().optional().describe('The kernel’s command line.'),
  firmware: z
    .enum(['direct', 'bios', 'uefi'])
    .optional()
    .describe(
      '`direct`: QEMU loads the kernel. `bios`: SeaBIOS boots a disk. `uefi`: OVMF. Default: `uefi` with an esp, `direct` with a kernel, else `bios`.',
    ),
  rom: z
    .enum(['auto', 'seabios', 'qboot'])
    .default('auto')
    .describe(
      'Firmware of a direct boot. qboot is about 30 ms faster; `auto` takes it where it gives the guest the same.',
    ),
  esp: path('Folder that the guest sees as its EFI system partition, read-only.'),
  code: path('UEFI firmware image. Default: OVMF as the distribution installs it.'),
  variables: path(
    'UEFI variables that are kept from run to run. Default: a throw-away copy of the distribution’s.',
  ),
})

export type BootConfig = z.output<typeof bootSchema>

/** How the guest starts, where the description leaves it open. */
export function firmwareOf(boot: BootConfig): MachineView['firmware'] {
  if (boot.firmware !== undefined) return boot.firmware
  if (boot.esp !== undefined || boot.code !== undefined || boot.variables !== undefined) return 'uefi'
  return boot.kernel === undefined ? 'bios' : 'direct'
}

/** The keys of `facts.qemu.firmware` that hold OVMF, best first. */
const OVMF = [
  ['OVMF_CODE_4M.fd', 'OVMF_VARS_4M.fd'],
  ['OVMF_CODE.fd', 'OVMF_VARS.fd'],
  ['edk2-x86_64-code.fd', 'edk2-i386-vars.fd'],
] as const

/** Paths of OVMF's code and variables; a path that the description names wins. */
export function ovmf(
  boot: BootConfig,
  facts: Facts,
): { readonly code: string | undefined; readonly variables: string | undefined } {
  const there = facts.qemu?.firmware ?? {}
  const pair = OVMF.find(([code, variables]) => there[code] !== undefined && there[variables] !== undefined)
  return {
    code: boot.code ?? (pair && there[pair[0]]),
    variables: boot.variables ?? (pair && there[pair[1]]),
  }
}
