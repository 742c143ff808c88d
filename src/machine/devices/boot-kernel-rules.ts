/** What QEMU, and the CPU that the machine has, make of the kernel. */
import { type Diagnostic, type DiagnosticKind, defineDiagnostics } from '../../diagnostics.ts'
import { quoteCommand } from '../../quote.ts'
import { formatBytes, GiB, MiB } from '../../units.ts'
import type { RuleContext } from '../device.ts'
import type { FileFact, KernelFact, KernelFlaw } from '../facts.ts'
import { checkConsole } from './boot-console-rule.ts'
import type { BootConfig } from './boot-options.ts'
import { LEAST_RAM } from './memory-options.ts'

export const problems = defineDiagnostics({
  BOOT_KERNEL_DAMAGED: {
    title: 'The file has the signature of a kernel, but QEMU refuses it.',
    why: 'QEMU checks the headers when it loads a kernel, and exits',
    remedy: 'build the kernel again; `readelf -lW FILE` shows the headers of an ELF file',
    source:
      'QEMU: "invalid kernel header"; "Error while loading elf kernel"; "invalid load_addr address"; "Some ROM regions are overlapping"',
    qemu: 'refuses',
  },
  BOOT_KERNEL_MULTIBOOT_64: {
    title: 'A multiboot header in an ELF file for x86-64.',
    why: 'QEMU looks for a multiboot header first, and starts only 32-bit ELF files by it',
    remedy:
      'make a 32-bit copy with `objcopy -O elf32-i386`, or remove the multiboot header and add a PVH note',
    source: 'QEMU: "Cannot load x86-64 image, give a 32bit one."',
    qemu: 'refuses',
  },
  BOOT_KERNEL_WITHOUT_PVH: {
    title: 'The kernel is an ELF file without PVH note and multiboot header.',
    why: 'the file does not define an entry point',
    remedy: 'add a PVH note (XEN_ELFNOTE_PHYS32_ENTRY; Linux: CONFIG_PVH=y), or boot the bzImage',
    source: 'QEMU: "Error loading uncompressed kernel without PVH ELF Note"',
    qemu: 'refuses',
  },
  BOOT_KERNEL_NOTES_DAMAGED: {
    title: 'The kernel’s ELF notes make QEMU crash or hang.',
    why: 'QEMU searches the notes for the PVH entry without checking their sizes',
    remedy: 'build the kernel again; `readelf -nW FILE` shows the notes',
    source: 'QEMU: include/hw/elf_ops.h, get_elf_note_type',
    qemu: 'refuses',
  },
  BOOT_KERNEL_NOTE_MISREAD: {
    title: 'The kernel has a PVH note, and QEMU reads another entry or none.',
    why: 'QEMU pads each note to the alignment of its segment, so that a note behind one of 8-byte alignment is missed',
    remedy:
      'remove the other notes: `objcopy -R .note.gnu.property KERNEL`, or /DISCARD/ them in the linker script',
    source: 'QEMU: include/hw/elf_ops.h, get_elf_note_type',
    qemu: 'misbehaves',
  },
  BOOT_KERNEL_ENTRY_OUTSIDE: {
    title: 'The kernel’s entry point is outside of its loaded segments.',
    why: 'the guest would start in memory without code, and triple-fault or hang',
    remedy: 'correct the entry point in the linker script or in the note; it is a physical address',
    qemu: 'misbehaves',
  },
  BOOT_KERNEL_BEYOND_RAM: {
    title: 'The kernel does not fit into the machine’s RAM.',
    why: 'QEMU silently drops the part outside of RAM',
    remedy: 'give the machine more memory',
    qemu: 'misbehaves',
  },
  BOOT_KERNEL_NEEDS_64_BIT: {
    title: 'A 64-bit kernel on a CPU without long mode.',
    why: 'the kernel’s boot code finds no long mode and stops, with a message on the VGA screen at most',
    remedy:
      'choose a 64-bit CPU model (`qemu64`, `max`), remove `-lm` from the features, or boot a 32-bit kernel',
    source: 'Linux: arch/x86/boot/cpu.c, "This kernel requires an x86-64 CPU"',
    qemu: 'misbehaves',
  },
  BOOT_KERNEL_MAY_NEED_64_BIT: {
    severity: 'warning',
    title: 'A 64-bit ELF kernel on a CPU without long mode.',
    why: 'PVH enters it in 32-bit mode, and the switch to long mode would be a triple fault',
    remedy: 'choose a 64-bit CPU model (`qemu64`, `max`), unless the kernel stays in 32-bit mode',
    qemu: 'accepts',
  },
  BOOT_INITRD_TOO_LARGE: {
    title: 'The initial RAM disk does not fit below the kernel’s limit.',
    why: 'QEMU puts it at the end of the RAM below 4 GiB, or below the address that the kernel gives as its limit',
    remedy: 'give the machine more memory, or make the RAM disk smaller',
    source: 'QEMU: "initrd is too large, cannot support."',
    qemu: 'refuses',
  },
  BOOT_INITRD_OLD_KERNEL: {
    title: 'An initial RAM disk for a kernel older than boot protocol 2.00.',
    why: 'such kernels have no field for it',
    remedy: 'remove boot.initrd, or boot a newer kernel',
    source: 'QEMU: "linux kernel too old to load a ram disk"',
    qemu: 'refuses',
  },
  BOOT_MODULE_SPACE: {
    title: 'A multiboot module whose path has a space.',
    why: 'what follows the first space is the module’s command line for QEMU, and no part of its path',
    remedy: 'give the file, and the folders above it, names without spaces',
    source: 'QEMU: "Failed to open file"',
    qemu: 'refuses',
  },
  BOOT_VGA_INVALID: {
    title: '`vga=` on the command line with an invalid value.',
    why: 'for a bzImage QEMU reads this word itself, wherever "vga=" stands on the line',
    remedy: 'use `vga=normal`, `vga=ext`, `vga=ask` or a number, or remove the word',
    source: 'QEMU: "invalid \'vga=\' kernel parameter."',
    qemu: 'refuses',
  },
  BOOT_KERNEL_NOT_FOR_UEFI: {
    title: 'A PVH or multiboot kernel with firmware "uefi".',
    why: 'OVMF starts bzImages and EFI programs only; the code that enters other kernels runs under BIOS firmware',
    remedy:
      'use firmware "direct", or boot the kernel through a boot loader on an EFI system partition (boot.esp)',
    qemu: 'misbehaves',
  },
})

const KINDS: Readonly<Record<KernelFlaw['kind'], DiagnosticKind>> = {
  refused: problems.BOOT_KERNEL_DAMAGED,
  'multiboot-64': problems.BOOT_KERNEL_MULTIBOOT_64,
  'no-entry': problems.BOOT_KERNEL_WITHOUT_PVH,
  'notes-damaged': problems.BOOT_KERNEL_NOTES_DAMAGED,
  'note-misread': problems.BOOT_KERNEL_NOTE_MISREAD,
  'entry-outside': problems.BOOT_KERNEL_ENTRY_OUTSIDE,
}

/** Problems of a file that QEMU takes for a kernel. */
export function checkKernelFile(
  boot: BootConfig,
  file: FileFact,
  kernel: KernelFact,
  context: RuleContext,
): readonly Diagnostic[] {
  const at = `${context.path}.kernel`
  const flaws = kernel.flaws.map((f) => describeFlaw(f, file.path, at))
  if (flaws.length > 0) return flaws
  // MEMORY_TOO_SMALL says it all then.
  const isTooLittle = context.machine.ramBytes < LEAST_RAM
  return [
    ...(isTooLittle ? [] : [...checkRoom(kernel, file, context), ...checkInitrd(boot, kernel, context)]),
    ...checkFirmware(kernel, file, context),
    ...checkCpu(kernel, file, context),
    ...checkVideoMode(boot, kernel, context),
    ...checkConsole(boot, kernel, context),
  ]
}

function describeFlaw({ kind, detail }: KernelFlaw, path: string, at: string): Diagnostic {
  const diagnostic = KINDS[kind]
  if (kind === 'no-entry')
    return diagnostic.at(at, `${path} is an ELF file without PVH note or multiboot header`)
  if (kind === 'multiboot-64') {
    const copy = quoteCommand(['objcopy', '-O', 'elf32-i386', path, `${path}32`]).join(' ')
    return diagnostic.at(at, `${path} is an ELF file for x86-64 with a multiboot header`, {
      remedy: `make a 32-bit copy and boot that: ${copy}; or remove the multiboot header and add a PVH note`,
    })
  }
  return diagnostic.at(at, `${path}: ${detail}`)
}

/** RAM below the hole of 32-bit devices (QEMU: pc_q35_init and pc_init1, `lowmem`). */
function lowRamBytes({ type, ramBytes }: RuleContext['machine']): number {
  if (type.includes('q35')) return ramBytes >= 0xb0000000 ? 2 * GiB : ramBytes
  return ramBytes >= 0xe0000000 ? 3 * GiB : ramBytes
}

function checkRoom(
  kernel: KernelFact,
  file: FileFact,
  { machine, path }: RuleContext,
): readonly Diagnostic[] {
  const low = lowRamBytes(machine)
  const highEnd = 4 * GiB + machine.ramBytes - low
  const outside = kernel.loads.find(
    ({ from, to }) => to > from && !(to <= low || (from >= 4 * GiB && to <= highEnd)),
  )
  if (!outside) return []
  const hex = (n: number) => `0x${n.toString(16)}`
  return [
    problems.BOOT_KERNEL_BEYOND_RAM.at(
      `${path}.kernel`,
      `${file.path} takes ${hex(outside.from)} to ${hex(outside.to)}, and RAM ends at ${hex(low)} (${formatBytes(machine.ramBytes)} in all)`,
      outside.to <= 2 * GiB
        ? {
            remedy: `give the machine at least ${formatBytes(Math.ceil(outside.to / MiB + 1) * MiB)} of memory`,
          }
        : {},
    ),
  ]
}

function checkFirmware(
  { protocol }: KernelFact,
  file: FileFact,
  context: RuleContext,
): readonly Diagnostic[] {
  if (context.machine.firmware !== 'uefi' || protocol === 'bzimage') return []
  return [
    problems.BOOT_KERNEL_NOT_FOR_UEFI.at(
      `${context.path}.kernel`,
      `firmware "uefi", and ${file.path} is a ${NAMES[protocol]} kernel`,
    ),
  ]
}

const NAMES = { pvh: 'PVH', multiboot: 'multiboot', zimage: 'zImage', bzimage: 'bzImage' } as const

function checkCpu(
  { protocol, bits }: KernelFact,
  file: FileFact,
  { machine, facts, path }: RuleContext,
): readonly Diagnostic[] {
  if (bits !== 64 || facts.cpu?.hasLongMode !== false) return []
  const what = `${file.path} is a 64-bit kernel, and CPU "${facts.cpu.name}" has no long mode`
  const kind =
    protocol === 'bzimage' && machine.firmware === 'direct'
      ? problems.BOOT_KERNEL_NEEDS_64_BIT
      : problems.BOOT_KERNEL_MAY_NEED_64_BIT
  return [kind.at(`${path}.kernel`, what)]
}

/** QEMU keeps that much at the end of low RAM for ACPI tables (pc_machine_initfn: HPET and ACPI data size). */
const ACPI_DATA = 0x28000

function checkInitrd(
  boot: BootConfig,
  { protocol, initrdMax }: KernelFact,
  { machine, facts, path }: RuleContext,
): readonly Diagnostic[] {
  const file = facts.files.get(boot.initrd ?? '')
  if (file?.kind !== 'file') return []
  const at = `${path}.initrd`
  if (protocol === 'zimage')
    return [problems.BOOT_INITRD_OLD_KERNEL.at(at, `initrd ${file.path}, and ${boot.kernel} is a zImage`)]
  if (protocol === 'multiboot')
    return file.path.includes(' ')
      ? [problems.BOOT_MODULE_SPACE.at(at, `the path of module "${file.path}" has a space`)]
      : []
  const room = Math.min(initrdMax ?? Number.POSITIVE_INFINITY, lowRamBytes(machine) - ACPI_DATA - 1)
  if (file.bytes < room) return []
  return [
    problems.BOOT_INITRD_TOO_LARGE.at(
      at,
      `${file.path} has ${formatBytes(file.bytes)}, and the machine has room for ${formatBytes(Math.max(0, room))}`,
    ),
  ]
}

/** As qemu_strtoui with base 0: blanks, a sign, then an octal, decimal or hexadecimal number of 32 bits. */
function isVideoMode(text: string): boolean {
  if (/^(normal|ext|ask)/.test(text)) return true
  const [, sign, digits] =
    /^[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)(?: |$)/.exec(text) ?? []
  if (digits === undefined) return false
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits)
  return sign === '-' ? value <= 2n ** 31n : value < 2n ** 32n
}

function checkVideoMode(
  boot: BootConfig,
  { protocol }: KernelFact,
  { path }: RuleContext,
): readonly Diagnostic[] {
  const at = boot.append?.indexOf('vga=') ?? -1
  if (boot.append === undefined || at === -1 || (protocol !== 'bzimage' && protocol !== 'zimage')) return []
  const value = boot.append.slice(at + 4)
  if (isVideoMode(value)) return []
  return [problems.BOOT_VGA_INVALID.at(`${path}.append`, `append has "vga=${value.split(' ')[0]}"`)]
}
