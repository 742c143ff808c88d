/** What firmware and boot loaders show by themselves, as opposed to the kernel. */

/** Each is on a menu as long as it waits. */
const MENU: readonly RegExp[] = [
  /GNU GRUB\s+version/,
  // menu.c32 and vesamenu.c32 of Syslinux.
  /Press \[Tab\] to edit options|Automatic boot in \d+ second/,
  // systemd-boot.
  /Reboot Into Firmware Interface|^\s*Boot in \d+ s\./,
  // Limine.
  /ARROWS Select\s+ENTER (?:Boot|Expand|Collapse)|Booting automatically in \d+/,
  // SeaBIOS.
  /^\s*Select boot device:/,
  // OVMF: setup, and the choice of a boot device.
  /<Enter>=Select Entry|Please select boot device:/,
]

/** Menus of Syslinux stay on the screen while the entry is loaded and booted. */
const LOADING = /^Loading \S+\.\.\. *(?:ok|failed.*)?$/

/** What they print besides. */
const SAYS: readonly RegExp[] = [
  // GRUB: grub-core/kern/main.c, kern/err.c, normal/menu.c.
  /^\s*(?:Welcome to GRUB!|error: |Press any key to continue\.\.\.|Booting `.*')/,
  // Syslinux; the prompt alone, since kernels begin lines with it too.
  /^\s*(?:SYSLINUX|ISOLINUX|EXTLINUX|PXELINUX) \d|^boot: *$/,
  LOADING,
  // Limine.
  /^\W*limine: Loading |^\s*PANIC: limine: /i,
  // SeaBIOS: src/post.c, src/boot.c.
  /^\s*(?:SeaBIOS \(version |Machine UUID |Press ESC for boot menu\.|Boot failed: |No bootable device\.)/,
  /^\s*Booting from (?:Floppy|Hard Disk|DVD\/CD|ROM|[\da-f]{4}:)/i,
  // iPXE.
  /^\s*(?:iPXE (?:\(|\d)|Press Ctrl-B |Nothing to boot: )/,
  // OVMF: BdsDxe, network boot, and the shell, which repeats the commands of startup.nsh.
  /^\s*(?:BdsDxe: |>>(?:Start|Checking) |(?:PXE|HTTP)-E\d+: |UEFI Interactive Shell|Press ESC in \d+ second)/,
  /^\s*(?:Shell|FS\d+:\\[^>]*)> /,
]

const isOfMenu = (line: string) => MENU.some((one) => one.test(line))

/** Empty for a line of a boot loader. */
export const withoutLoader = (line: string): string =>
  SAYS.some((one) => one.test(line)) || isOfMenu(line) ? '' : line

/** Whether a screen shows a menu, whose titles may be any text. */
export const showsMenu = (lines: readonly string[]): boolean =>
  lines.some(isOfMenu) && !lines.some((line) => LOADING.test(line))

/** The cursor goes to a place other than the corner (ECMA-48, CUP). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is looked for
const PLACED = /\x1b\[(?!0*1;0*1[Hf])\d{1,4};\d{1,4}[Hf]/g
/** A console on which the cursor was placed so often is drawn on, and searched as a screen. */
const LEAST_PLACED = 3

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
