/** What firmware and boot loaders show by themselves, as opposed to the kernel. */

/** Lines that only a menu has: GRUB, menu.c32 of Syslinux, systemd-boot, Limine. */
const MENU =
  /GNU GRUB\s+version|Press \[Tab\] to edit options|Automatic boot in \d+ second|Reboot Into Firmware Interface|^\s*Boot in \d+ s\.|Booting automatically in \d+/

/** Menus of Syslinux stay on the screen while the entry is loaded and booted. */
const LOADING = /^Loading \S+\.\.\./

/**
 * What they print besides: GRUB (grub-core/kern/main.c, kern/err.c, normal/menu.c), Syslinux, SeaBIOS (src/boot.c),
 * OVMF (MdeModulePkg, BdsDxe).
 */
const SAYS =
  /^\s*(?:Welcome to GRUB!|error: .*|Press any key to continue\.\.\.|Booting `.*'|(?:SYS|ISO|EXT|PXE)LINUX \d.*|boot: .*|Loading \S+\.\.\..*|SeaBIOS \(version .*|Booting from .*|Boot failed: .*|No bootable device\.|BdsDxe: .*|UEFI Interactive Shell.*|Shell> .*)/

/** Empty for a line of a boot loader. */
export const withoutLoader = (line: string): string => (SAYS.test(line) || MENU.test(line) ? '' : line)

/** Whether a screen shows a menu, whose titles may be any text. */
export const showsMenu = (lines: readonly string[]): boolean =>
  lines.some((line) => MENU.test(line)) && !lines.some((line) => LOADING.test(line))

/** The cursor goes to a place other than the corner (ECMA-48, CUP). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is looked for
const PLACED = /\x1b\[(?!0*1;0*1[Hf])\d{1,4};\d{1,4}[Hf]/g
/** A console on which the cursor was placed so often is drawn on, and searched as a screen. */
const LEAST_PLACED = 3

/** Tells lines that were drawn from those that were printed; to be given every line in its order. */
export function createDrawnTest(): (line: string, isUnfinished: boolean) => boolean {
  let before = 0
  return (line, isUnfinished) => {
    const placed = line.match(PLACED)?.length ?? 0
    const isDrawn = placed > 0 && before + placed >= LEAST_PLACED
    if (!isUnfinished) before += placed
    return isDrawn
  }
}
