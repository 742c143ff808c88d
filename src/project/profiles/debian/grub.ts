/** GRUB's first stages for BIOS, without the loop device that grub-install would need: each is told where the next is. */

const SECTOR = 512
/** Where boot.img says on which sector the core begins. Source: `include/grub/i386/pc/boot.h`. */
const CORE_SECTOR_AT = 0x5c
/** Where the core's first sector says on which sector the rest begins: the first entry of its list (`diskboot.S`). */
const REST_SECTOR_AT = 0x1f4

/** Both stages for a core that begins at that byte of the disk. */
export function placedGrub(
  stages: { readonly boot: Buffer; readonly core: Buffer },
  start: number,
): { readonly boot: Buffer; readonly core: Buffer } {
  const [boot, core] = [Buffer.from(stages.boot), Buffer.from(stages.core)]
  boot.writeBigUInt64LE(BigInt(start / SECTOR), CORE_SECTOR_AT)
  core.writeBigUInt64LE(BigInt(start / SECTOR + 1), REST_SECTOR_AT)
  return { boot, core }
}
