/** Lines that firmware draws when all is well: who it is, and where it boots from. They say nothing of the kernel. Pure. */

const FIRMWARE =
  /^\s*(?:SeaBIOS \(version|Machine UUID|iPXE \(|iPXE [0-9]|Booting from |Press F12|BdsDxe: (?:loading|starting) )/

/** Without them: only what the kernel draws is a pass, or a crash. */
export const withoutFirmware = (lines: readonly string[]): readonly string[] =>
  lines.filter((line) => !FIRMWARE.test(line))
