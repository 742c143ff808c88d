/**
 * What firmware and boot loaders show by themselves, as opposed to the kernel. Known by words, since a machine does not tell
 * when its firmware hands over; words of what the machine does not have are those of the kernel.
 */
import { type BootConfig, firmwareOf } from '../machine/devices/boot-options.ts'
import { LEAST_PLACED } from './drawn-console.ts'

/** Whose words they are. */
type Speaker = 'bios' | 'uefi' | 'loader'

/** On a menu as long as it waits. */
const MENU: Readonly<Record<Speaker, readonly RegExp[]>> = {
  // SeaBIOS.
  bios: [/^\s*Select boot device:/],
  // OVMF: setup, and the choice of a boot device.
  uefi: [/<Enter>=Select Entry|Please select boot device:/],
  loader: [
    /GNU GRUB\s+version/,
    // menu.c32 and vesamenu.c32 of Syslinux.
    /Press \[Tab\] to edit options|Automatic boot in \d+ second/,
    // systemd-boot.
    /Reboot Into Firmware Interface|^\s*Boot in \d+ s\./,
    // Limine.
    /ARROWS Select\s+ENTER (?:Boot|Expand|Collapse)|Booting automatically in \d+/,
  ],
}

/** Menus of Syslinux stay on the screen while the entry is loaded and booted. */
const LOADING = /^Loading \S+\.\.\. *(?:ok|failed.*)?$/

/** What they print besides. */
const SAYS: Readonly<Record<Speaker, readonly RegExp[]>> = {
  bios: [
    // SeaBIOS: src/post.c, src/boot.c.
    /^\s*(?:SeaBIOS \(version |Machine UUID |Press ESC for boot menu\.|Boot failed: |No bootable device\.)/,
    /^\s*Booting from (?:Floppy|Hard Disk|DVD\/CD|ROM|[\da-f]{4}:)/i,
    // iPXE.
    /^\s*(?:iPXE (?:\(|\d)|Press Ctrl-B |Nothing to boot: )/,
  ],
  uefi: [
    // OVMF: BdsDxe, network boot, and the shell, which repeats the commands of startup.nsh.
    /^\s*(?:BdsDxe: |>>(?:Start|Checking) |(?:PXE|HTTP)-E\d+: |UEFI Interactive Shell|Press ESC in \d+ second)/,
    /^\s*(?:Shell|FS\d+:\\[^>]*)> /,
  ],
  loader: [
    // GRUB: grub-core/kern/main.c, kern/err.c, normal/menu.c.
    /^\s*(?:Welcome to GRUB!|error: |Press any key to continue\.\.\.|Booting `.*')/,
    // Syslinux; the prompt alone, since kernels begin lines with it too.
    /^\s*(?:SYSLINUX|ISOLINUX|EXTLINUX|PXELINUX) \d|^boot: *$/,
    LOADING,
    // Limine.
    /^\W*limine: Loading |^\s*PANIC: limine: /i,
  ],
}

export interface LoaderText {
  /** Empty for a line of firmware or of a boot loader. */
  readonly without: (line: string) => string
  /** Whether a screen shows a menu, whose titles may be any text. */
  readonly showsMenu: (lines: readonly string[]) => boolean
}

/** A kernel that QEMU loads needs no boot loader. */
export function loaderTextOf(boot: Omit<BootConfig, 'rom'>): LoaderText {
  const firmware: Speaker = firmwareOf(boot) === 'uefi' ? 'uefi' : 'bios'
  const speakers: readonly Speaker[] = boot.kernel === undefined ? [firmware, 'loader'] : [firmware]
  const [menu, says] = [MENU, SAYS].map((words) => speakers.flatMap((speaker) => words[speaker]))
  const isOf = (words: readonly RegExp[] = [], line: string) => words.some((one) => one.test(line))
  return {
    without: (line) => (isOf(says, line) || isOf(menu, line) ? '' : line),
    showsMenu: (lines) => lines.some((line) => isOf(menu, line)) && !lines.some((line) => LOADING.test(line)),
  }
}

/** Whether lines show the menu of a boot loader or of firmware, whichever the machine has. */
export const showMenu = (lines: readonly string[]): boolean =>
  lines.some((line) =>
    Object.values(MENU)
      .flat()
      .some((one) => one.test(line)),
  )

/** The cursor goes to a place other than the corner (ECMA-48, CUP). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is looked for
const PLACED = /\x1b\[(?!0*1;0*1[Hf])\d{1,4};\d{1,4}[Hf]/g

/** Whether a line was begun by placing the cursor, as those of menus are. */
export const isPlaced = (line: string): boolean => line.search(PLACED) !== -1

/** Tells lines that were drawn, or are perhaps, from those that were printed; to be given every line in its order. */
export function createDrawnTest(): (line: string, isUnfinished: boolean) => 'printed' | 'placed' | 'drawn' {
  let before = 0
  return (line, isUnfinished) => {
    const placed = line.match(PLACED)?.length ?? 0
    const isDrawn = before + placed >= LEAST_PLACED
    if (!isUnfinished) before += placed
    if (placed === 0) return 'printed'
    return isDrawn ? 'drawn' : 'placed'
  }
}
