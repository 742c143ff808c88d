/** For tests: media that firmware boots, and that say so on the screen only. */

const SECTOR = 2048
/** What is on the screen once a medium was booted. */
export const TEXT = 'Welcome'

/**
 * A boot sector for 0x7c00 in real mode that writes `TEXT` in white on blue to the text screen, then halts.
 * Only the screen shows it: the serial port stays silent.
 */
export function bootSector(): Buffer {
  const code = Buffer.from([
    ...[0xb8, 0x03, 0x00, 0xcd, 0x10], // mov ax, 3; int 0x10: text mode, 80 by 25
    ...[0x31, 0xc0, 0x8e, 0xd8], // xor ax, ax; mov ds, ax
    ...[0xb8, 0x00, 0xb8, 0x8e, 0xc0], // mov ax, 0xb800; mov es, ax
    ...[0x31, 0xff, 0xbe, 0x40, 0x7c], // xor di, di; mov si, 0x7c40
    ...[0xb4, 0x1f], // mov ah, white on blue
    ...[0xac, 0x84, 0xc0, 0x74, 0x03], // lodsb; test al, al; jz to the halt
    ...[0xab, 0xeb, 0xf8], // stosw; jmp to lodsb
    ...[0xfa, 0xf4, 0xeb, 0xfd], // cli; hlt; jmp to hlt
  ])
  const sector = Buffer.alloc(SECTOR)
  code.copy(sector)
  sector.write(TEXT, 0x40, 'latin1')
  return sector
}

/** An image with an El Torito boot record, catalog and boot sector, as SeaBIOS reads them. */
export function iso(): Buffer {
  const image = Buffer.alloc(21 * SECTOR)
  image.write('\x01CD001\x01', 16 * SECTOR, 'latin1')
  image.write('\x00CD001\x01EL TORITO SPECIFICATION', 17 * SECTOR, 'latin1')
  image.writeUInt32LE(19, 17 * SECTOR + 0x47)
  image.write('\xffCD001\x01', 18 * SECTOR, 'latin1')
  const catalog = image.subarray(19 * SECTOR)
  catalog[0] = 1
  catalog.writeUInt16LE(0xaa55, 0x1e)
  // The words of the validation entry add up to 0.
  catalog.writeUInt16LE(0x10000 - 0xaa55 - 1, 0x1c)
  catalog[0x20] = 0x88
  catalog.writeUInt16LE(4, 0x26)
  catalog.writeUInt32LE(20, 0x28)
  bootSector().copy(image, 20 * SECTOR)
  return image
}

/** The same as a raw image for a disk, a stick or a floppy, with the signature that firmware looks for. */
export function bootImage(bytes: number): Buffer {
  const image = Buffer.alloc(bytes)
  bootSector().copy(image, 0, 0, 510)
  image.writeUInt16LE(0xaa55, 510)
  return image
}
