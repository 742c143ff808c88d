/** The boot section's schema, and what it leaves to be chosen. */
import * as z from 'zod'
import type { MachineView } from '../device.ts'
import type { Facts } from '../facts.ts'

const path = (what: string) => z.string().min(1).optional().describe(what)

export const bootSchema = z.lazy(() =>
  z.strictObject({
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
  }),
)

export type BootConfig = z.output<typeof bootSchema>

/** How the guest starts, where the description leaves it open. */
export function firmwareOf(boot: Omit<BootConfig, 'rom'>): MachineView['firmware'] {
  if (boot.firmware !== undefined) return boot.firmware
  if (boot.esp !== undefined || boot.code !== undefined || boot.variables !== undefined) return 'uefi'
  return boot.kernel === undefined ? 'bios' : 'direct'
}

/** Paths of OVMF's code and variables; a path that the description names wins. */
export function ovmf(
  boot: BootConfig,
  facts: Facts,
): { readonly code: string | undefined; readonly variables: string | undefined } {
  // The names under which `src/qemu/firmware.ts` files the pair, whatever the distribution calls it.
  const { 'OVMF_CODE_4M.fd': code, 'OVMF_VARS_4M.fd': variables } = facts.qemu?.firmware ?? {}
  return { code: boot.code ?? code, variables: boot.variables ?? variables }
}
