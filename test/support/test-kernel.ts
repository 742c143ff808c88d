/** For tests: a kernel of a few bytes that says a text on the first serial port and ends as it is told to. */

/**
 * How it ends: writes that byte to isa-debug-exit, loops forever, triple-faults, or powers off. `typed` writes the first
 * byte that comes in on the serial port to isa-debug-exit. `fault-again` and
 * `reset-again` hang in their first boot, and triple-fault or reset when they boot again without a power cycle.
 */
export type TestKernelEnd =
  | { readonly exit: number }
  | 'hang'
  | 'triple-fault'
  | 'power-off'
  | 'typed'
  | 'fault-again'
  | 'reset-again'

const LOAD_ADDRESS = 0x100000
const HEADERS = 64 + 2 * 56
/** ELF note that gives QEMU the 32-bit entry (`include/xen/interface/elfnote.h`, XEN_ELFNOTE_PHYS32_ENTRY). */
const PHYS32_ENTRY = 18

/**
 * The ELF image, with a PVH entry.
 *
 * @param port where the text goes, and what is typed comes from: COM1 unless told
 */
export function testKernel(text: string, end: TestKernelEnd, port = 0x3f8): Buffer {
  const note = Buffer.alloc(20)
  note.writeUInt32LE(4, 0)
  note.writeUInt32LE(4, 4)
  note.writeUInt32LE(PHYS32_ENTRY, 8)
  note.write('Xen\0', 12, 'latin1')
  const entry = LOAD_ADDRESS + HEADERS + note.length
  note.writeUInt32LE(entry, 16)
  const words = Buffer.from(text, 'latin1')
  // mov esi, text; mov ecx, length; mov dx, port; cld; rep outsb
  const print = Buffer.from([0xbe, 0, 0, 0, 0, 0xb9, 0, 0, 0, 0, 0x66, 0xba, 0, 0, 0xf3, 0x6e])
  print.writeUInt16LE(port, 12)
  const start = Buffer.from(end === 'fault-again' || end === 'reset-again' ? NOTE_BOOT : [])
  const tail = Buffer.from(ending(end, port))
  print.writeUInt32LE(entry + start.length + print.length + tail.length, 1)
  print.writeUInt32LE(words.length, 6)
  const body = Buffer.concat([note, start, print, tail, words])
  return Buffer.concat([headers(entry, note.length, body.length), body])
}

/**
 * mov al, 0x70; out 0x70, al; in al, 0x71; mov bl, al; mov al, 0x5a; out 0x71, al: CMOS is kept. Before the text is printed,
 * for the reader of the text may reset the machine at once.
 */
const NOTE_BOOT = [0xb0, 0x70, 0xe6, 0x70, 0xe4, 0x71, 0x88, 0xc3, 0xb0, 0x5a, 0xe6, 0x71]

function ending(end: TestKernelEnd, port: number): readonly number[] {
  // cli; jmp $
  const hang = [0xfa, 0xeb, 0xfe]
  if (end === 'hang') return hang
  // lidt of an empty table (at address 0, where no table lies); int3
  const fault = [0x0f, 0x01, 0x1d, 0, 0, 0, 0, 0xcc, ...hang]
  if (end === 'triple-fault') return fault
  // cmp bl, 0x5a; je +3; cli; jmp $
  const once = [0x80, 0xfb, 0x5a, 0x74, hang.length, ...hang]
  if (end === 'fault-again') return [...once, ...fault]
  // mov al, 0xfe; out 0x64, al: the keyboard controller resets
  if (end === 'reset-again') return [...once, 0xb0, 0xfe, 0xe6, 0x64, ...hang]
  // mov dx, port + 5; in al, dx; test al, 1; jz; mov dx, port; in al, dx; out 0xf4, al
  const word = (value: number) => [value & 255, value >> 8]
  if (end === 'typed') {
    const wait = [0x66, 0xba, ...word(port + 5), 0xec, 0xa8, 1, 0x74, 0xf7]
    return [...wait, 0x66, 0xba, ...word(port), 0xec, 0xe6, 0xf4, ...hang]
  }
  // mov dx, 0x604; mov ax, 0x2000; out dx, ax: PM1a control of q35 (SLP_EN, S5 of QEMU's DSDT)
  if (end === 'power-off') return [0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x20, 0x66, 0xef, ...hang]
  // mov al, value; out 0xf4, al
  return [0xb0, end.exit, 0xe6, 0xf4, ...hang]
}

/** ELF64 header and two program headers: everything loaded, and the note within it. */
function headers(entry: number, noteBytes: number, bodyBytes: number): Buffer {
  const elf = Buffer.alloc(HEADERS)
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  elf.writeUInt16LE(2, 16)
  elf.writeUInt16LE(62, 18)
  elf.writeUInt32LE(1, 20)
  elf.writeBigUInt64LE(BigInt(entry), 24)
  elf.writeBigUInt64LE(64n, 32)
  elf.writeUInt16LE(64, 52)
  elf.writeUInt16LE(56, 54)
  elf.writeUInt16LE(2, 56)
  const segment = (at: number, type: number, offset: number, bytes: number) => {
    elf.writeUInt32LE(type, at)
    elf.writeUInt32LE(7, at + 4)
    for (const [field, value] of [
      offset,
      LOAD_ADDRESS + offset,
      LOAD_ADDRESS + offset,
      bytes,
      bytes,
      4,
    ].entries()) {
      elf.writeBigUInt64LE(BigInt(value), at + 8 + field * 8)
    }
  }
  segment(64, 1, 0, HEADERS + bodyBytes)
  segment(64 + 56, 4, HEADERS, noteBytes)
  return elf
}

/** A flat 32-bit multiboot kernel that asks for a video mode, and writes that byte to isa-debug-exit. */
export function multibootKernel(exit: number): Buffer {
  const flags = 0x10004
  const code = [0xb0, exit, 0xe6, 0xf4, 0xfa, 0xeb, 0xfe]
  const end = LOAD_ADDRESS + 48 + code.length
  const header = Buffer.alloc(48)
  const words = [
    0x1badb002,
    flags,
    -(0x1badb002 + flags),
    LOAD_ADDRESS,
    LOAD_ADDRESS,
    end,
    end,
    LOAD_ADDRESS + 48,
  ]
  for (const [index, word] of words.entries()) header.writeInt32LE(word | 0, index * 4)
  return Buffer.concat([header, Buffer.from(code)])
}
