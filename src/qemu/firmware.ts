/** Where the firmware images of this computer are. Distributions name and place the same images differently. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Images that come with QEMU itself, in its data folders. */
const OF_QEMU = ['qboot.rom', 'bios-256k.bin', 'edk2-x86_64-code.fd', 'edk2-i386-vars.fd']

/** UEFI images and the empty variables that belong to them, as packaged by Debian and Ubuntu, Arch, openSUSE, Fedora. */
const PAIRS: readonly (readonly [folder: string, code: string, variables: string])[] = [
  ['/usr/share/OVMF', 'OVMF_CODE_4M.fd', 'OVMF_VARS_4M.fd'],
  ['/usr/share/edk2/x64', 'OVMF_CODE.4m.fd', 'OVMF_VARS.4m.fd'],
  ['/usr/share/qemu', 'ovmf-x86_64-4m-code.bin', 'ovmf-x86_64-4m-vars.bin'],
  ['/usr/share/edk2/ovmf', 'OVMF_CODE.fd', 'OVMF_VARS.fd'],
  ['/usr/share/edk2-ovmf/x64', 'OVMF_CODE.fd', 'OVMF_VARS.fd'],
  ['/usr/share/OVMF', 'OVMF_CODE.fd', 'OVMF_VARS.fd'],
]

/** The pair that comes with QEMU. */
const EDK2 = ['edk2-x86_64-code.fd', 'edk2-i386-vars.fd'] as const

/** The names under which the chosen UEFI pair is found, whatever the distribution calls it. */
const UEFI_CODE = 'OVMF_CODE_4M.fd'
const UEFI_VARIABLES = 'OVMF_VARS_4M.fd'

interface Search {
  readonly exists?: (path: string) => boolean
  /** Folders that a QEMU brings along: firmware of another QEMU is not used where they have their own. */
  readonly own?: readonly string[]
}

/**
 * Absolute paths by file name. Code and variables are always of one pair: QEMU refuses flash images whose sizes do not
 * belong together, and firmware does not boot with another's variables.
 *
 * @param dataFolders What `qemu -L help` prints.
 */
export function findFirmware(
  dataFolders: readonly string[],
  { exists = existsSync, own = [] }: Search = {},
): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const file of OF_QEMU) {
    const path = [...own, ...dataFolders].map((folder) => join(folder, file)).find(exists)
    if (path !== undefined) found[file] = path
  }
  const names = [...PAIRS.map(([, code, variables]) => [code, variables] as const), EDK2]
  const brought = own.flatMap((folder) => names.map((pair) => [folder, ...pair] as const))
  const others = dataFolders.map((folder) => [folder, ...EDK2] as const)
  for (const [folder, code, variables] of [...brought, ...PAIRS, ...others]) {
    const pair = [join(folder, code), join(folder, variables)] as const
    if (!pair.every(exists)) continue
    return { ...found, [UEFI_CODE]: pair[0], [UEFI_VARIABLES]: pair[1] }
  }
  return found
}
