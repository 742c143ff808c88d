/** What can be wrong with the boot section. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { formatBytes, MiB } from '../../units.ts'
import type { RuleContext } from '../device.ts'
import type { FileContent } from '../facts.ts'
import { bringsBootMedium, readQemuArgs } from '../qemu-args.ts'
import { checkKernelFile, problems as ofKernels } from './boot-kernel-rules.ts'
import { type BootConfig, ovmf } from './boot-options.ts'
import { processText } from './process-text.ts'
import { whyUnfit } from './unfit-file.ts'

const ofBoot = defineDiagnostics({
  BOOT_FILE_MISSING: {
    title: 'A file that the boot section names does not exist.',
    why: 'QEMU exits when it cannot open it',
    remedy: 'build it first, or correct the path; relative paths start at the project’s folder',
    source: 'QEMU: "could not open kernel file"; "Could not open \'…\'"',
    qemu: 'refuses',
  },
  BOOT_FILE_UNREADABLE: {
    title: 'A file that the boot section names cannot be read.',
    why: 'QEMU runs as the user who runs bringup',
    remedy: 'make it readable (chmod u+r), and check that it is not a folder',
    source: 'QEMU: "could not open kernel file"; "could not load kernel … Is a directory"',
    qemu: 'refuses',
  },
  BOOT_KERNEL_NOT_A_KERNEL: {
    title: 'The kernel is a file that QEMU cannot boot directly.',
    why: 'direct boot takes a Linux bzImage, an ELF with a PVH note, or a 32-bit ELF with a multiboot header',
    remedy: 'name the kernel image, not its archive or a script',
    source: 'QEMU: "invalid kernel header"',
    qemu: 'refuses',
  },
  BOOT_KERNEL_IS_EFI: {
    title: 'The kernel is an EFI program.',
    why: 'EFI programs need UEFI firmware',
    remedy:
      'copy it to a folder as EFI/BOOT/BOOTX64.EFI, and give that folder as boot.esp with firmware "uefi"',
    source: 'QEMU: "invalid kernel header"',
    qemu: 'refuses',
  },
  BOOT_INITRD_WITHOUT_KERNEL: {
    title: 'An initial RAM disk without a kernel.',
    why: 'QEMU passes the RAM disk to the kernel that it loads; firmware that boots a disk does not use it',
    remedy: 'add boot.kernel, or remove boot.initrd',
    source: 'QEMU: "-initrd only allowed with -kernel option"',
    qemu: 'refuses',
  },
  BOOT_APPEND_WITHOUT_KERNEL: {
    title: 'A kernel command line without a kernel.',
    why: 'QEMU passes the words to the kernel that it loads',
    remedy: 'add boot.kernel, or remove boot.append',
    source: 'QEMU: "-append only allowed with -kernel option"',
    qemu: 'refuses',
  },
  BOOT_NOTHING: {
    title: 'There is nothing to boot.',
    why: 'without kernel, disk, network card or EFI system partition the firmware finds nothing to boot and waits forever',
    remedy:
      'give boot.kernel (--kernel), boot.esp (--esp) or a disk; or use the profile "probe", which has its own kernel',
    qemu: 'misbehaves',
  },
  BOOT_KERNEL_IGNORED: {
    title: 'A kernel together with firmware "bios".',
    why: 'QEMU would load the kernel and never start the disk, contrary to "bios"',
    remedy: 'use firmware "direct", or remove boot.kernel',
    qemu: 'misbehaves',
  },
  BOOT_UEFI_ONLY: {
    title: 'esp, code or variables without firmware "uefi".',
    why: 'only UEFI firmware uses them; they would silently be ignored',
    remedy: 'set boot.firmware to "uefi", or remove them',
    qemu: 'misbehaves',
  },
  BOOT_OVMF_MISSING: {
    title: 'UEFI firmware is not installed.',
    why: 'QEMU’s UEFI firmware (OVMF) is a separate package',
    remedy: 'Debian, Ubuntu: apt install ovmf; or name the files in boot.code and boot.variables',
    source: 'QEMU: "Could not open \'…\': No such file or directory"',
    qemu: 'refuses',
  },
  BOOT_UEFI_RAM_SMALL: {
    title: 'Less RAM than UEFI firmware needs.',
    why: 'the firmware triple-faults or hangs before it starts anything',
    remedy: 'give at least 64M',
    source: 'tried with OVMF 2022.11: 28M triple-faults, 32M and 40M hang, 48M boots',
    qemu: 'misbehaves',
  },
  BOOT_UEFI_NEEDS_64_BIT: {
    title: 'UEFI firmware on a CPU without long mode.',
    why: 'OVMF as distributions install it is 64-bit code',
    remedy:
      'choose a 64-bit CPU model (`qemu64`, `max`), or use firmware "direct" or "bios"; a 32-bit OVMF can be named in boot.code',
    qemu: 'misbehaves',
  },
  BOOT_FLASH_SIZE: {
    title: 'A firmware file whose size is not a multiple of 4 KiB.',
    why: 'it is mapped as a flash chip, which has whole blocks',
    remedy: 'name the OVMF_CODE or OVMF_VARS file itself',
    source: 'QEMU: "system firmware block device … has invalid size"',
    qemu: 'refuses',
  },
  BOOT_FLASH_TOO_LARGE: {
    title: 'UEFI code and variables are together larger than 8 MiB.',
    why: 'both must fit in the 8 MiB below 4 GiB that QEMU reserves for firmware',
    remedy: 'name the OVMF_CODE and OVMF_VARS files of one build: each variables file fits its code only',
    source: 'QEMU: "combined size of system firmware exceeds 8388608 bytes"',
    qemu: 'refuses',
  },
  BOOT_VARIABLES_BUSY: {
    title: 'Another process uses the UEFI variables.',
    why: 'the guest writes them, and two QEMU processes cannot write to the same file',
    remedy:
      'wait for the other run, or give each machine its own copy; without boot.variables a machine uses a temporary copy',
    source: 'QEMU: "Failed to get "write" lock"',
    qemu: 'refuses',
  },
  BOOT_ESP_NOT_A_FOLDER: {
    title: 'boot.esp is not a folder that can be read.',
    why: 'the EFI system partition is created from the files of a folder; a disk image belongs in `devices`',
    remedy: 'give a folder that holds EFI/BOOT/BOOTX64.EFI or startup.nsh',
    source: 'QEMU: "Could not read directory"',
    qemu: 'refuses',
  },
  BOOT_QBOOT_MISSING: {
    title: 'rom "qboot", but this QEMU has no qboot.rom.',
    why: 'QEMU packages may omit it',
    remedy: 'use rom "auto"',
    source: 'QEMU: "could not load PC BIOS \'qboot.rom\'"',
    qemu: 'refuses',
  },
})

/** All that can be wrong with the boot section. */
export const problems = { ...ofBoot, ...ofKernels }

/** Kinds whose guests' drivers need nothing that only SeaBIOS sets up (PCI windows, option ROMs). */
const WITHOUT_FIRMWARE = ['nvdimm', 'serial']

/** Arguments for QEMU that add nothing to the machine. qboot was not tried with any other: it hangs with a VMGENID. */
const WITHOUT_HARDWARE =
  'd D dfilter trace msg gdb s name pidfile qmp qmp-pretty rtc icount action chardev sandbox overcommit'.split(
    ' ',
  )

/**
 * Whether qboot starts this machine just as SeaBIOS would. Tried on QEMU 7.2: PVH, multiboot and bzImage work on q35 and
 * pc, with 8M of RAM and with memory above 4G, several CPUs and NVDIMMs. qboot leaves PCI windows to the kernel, so with
 * PCI devices it is taken only for Linux images, which assign them by themselves. The buses behind the host bridge of CXL
 * Linux does not number: without SeaBIOS it finds no memory there.
 */
export function qbootServes(
  boot: BootConfig,
  { machine, facts }: Pick<RuleContext, 'machine' | 'facts'>,
): boolean {
  if (boot.rom !== 'auto') return boot.rom === 'qboot'
  if (facts.qemu?.firmware['qboot.rom'] === undefined || boot.kernel === undefined) return false
  // qboot runs no VGA BIOS: the card stays as it was at reset, and drops what is written to it.
  if (machine.hasScreen) return false
  if (!readQemuArgs(machine.qemuArgs).every((option) => WITHOUT_HARDWARE.includes(option.name))) return false
  const kernel = facts.files.get(boot.kernel)?.kernel
  if (kernel?.protocol === 'bzimage') {
    const isFound = machine.devices.every((d) => d.kind !== 'cxl')
    return isFound && kernel.isLoadedHigh === true && (kernel.version ?? 0) >= 0x202
  }
  const isEntered = kernel?.protocol === 'pvh' || kernel?.protocol === 'multiboot'
  return isEntered && machine.devices.every((d) => WITHOUT_FIRMWARE.includes(d.kind))
}

/** Kinds that firmware can boot from. */
const BOOTED_FROM = ['disk', 'cdrom', 'floppy', 'nic']

/** All problems of the boot section. */
export function check(boot: BootConfig, context: RuleContext): readonly Diagnostic[] {
  const { machine, path } = context
  const found: Diagnostic[] = []
  const isDirect = machine.firmware === 'direct'
  if (boot.kernel === undefined) {
    if (boot.initrd !== undefined)
      found.push(
        problems.BOOT_INITRD_WITHOUT_KERNEL.at(`${path}.initrd`, `initrd ${boot.initrd}, but no kernel`),
      )
    if (boot.append !== undefined)
      found.push(
        problems.BOOT_APPEND_WITHOUT_KERNEL.at(`${path}.append`, `append "${boot.append}", but no kernel`),
      )
    const hasSource =
      boot.esp !== undefined ||
      machine.devices.some((d) => BOOTED_FROM.includes(d.kind)) ||
      bringsBootMedium(machine.qemuArgs)
    if (isDirect || !hasSource)
      found.push(
        problems.BOOT_NOTHING.at(
          path,
          isDirect
            ? 'firmware "direct" without a kernel'
            : 'no kernel, disk, network card or EFI system partition',
        ),
      )
  } else if (machine.firmware === 'bios') {
    found.push(
      problems.BOOT_KERNEL_IGNORED.at(`${path}.firmware`, `firmware "bios" and kernel ${boot.kernel}`),
    )
  }
  if (machine.firmware !== 'uefi') {
    for (const key of ['esp', 'code', 'variables'] as const) {
      if (boot[key] !== undefined)
        found.push(
          problems.BOOT_UEFI_ONLY.at(`${path}.${key}`, `boot.${key} with firmware "${machine.firmware}"`),
        )
    }
  }
  return [
    ...found,
    ...checkKernel(boot, context),
    ...(machine.firmware === 'uefi' ? checkUefi(boot, context) : []),
    ...checkRom(boot, context),
  ]
}

function checkFile(path: string | undefined, at: string, { facts }: RuleContext): readonly Diagnostic[] {
  const file = path === undefined ? undefined : facts.files.get(path)
  if (!file) return []
  if (file.kind === 'missing') return [problems.BOOT_FILE_MISSING.at(at, `there is no ${file.path}`)]
  if (file.kind === 'directory') return [problems.BOOT_FILE_UNREADABLE.at(at, `${file.path} is a folder`)]
  const unfit = whyUnfit(file)
  if (unfit !== undefined) return [problems.BOOT_FILE_UNREADABLE.at(at, `${file.path} ${unfit}`)]
  return file.isReadable ? [] : [problems.BOOT_FILE_UNREADABLE.at(at, `${file.path} cannot be read`)]
}

const NAMES: Partial<Record<FileContent, string>> = {
  text: 'text',
  empty: 'empty',
  gzip: 'a gzip archive',
  xz: 'an xz archive',
  cpio: 'a cpio archive',
  qcow2: 'a qcow2 disk image',
  'boot-sector': 'a disk image',
  unknown: 'no kind of kernel',
}

function checkKernel(boot: BootConfig, context: RuleContext): readonly Diagnostic[] {
  const unreadable = [
    ...checkFile(boot.kernel, `${context.path}.kernel`, context),
    ...checkFile(boot.initrd, `${context.path}.initrd`, context),
  ]
  const file = context.facts.files.get(boot.kernel ?? '')
  if (unreadable.length > 0 || file?.kind !== 'file' || file.content === undefined) return unreadable
  const at = `${context.path}.kernel`
  if (file.kernel) return [...unreadable, ...checkKernelFile(boot, file, file.kernel, context)]
  if (file.content === 'pe')
    return context.machine.firmware === 'uefi'
      ? []
      : [problems.BOOT_KERNEL_IS_EFI.at(at, `${file.path} is an EFI program`)]
  return [problems.BOOT_KERNEL_NOT_A_KERNEL.at(at, `${file.path} is ${NAMES[file.content] ?? file.content}`)]
}

function checkUefi(boot: BootConfig, context: RuleContext): readonly Diagnostic[] {
  const { facts, path } = context
  const { code, variables } = ovmf(boot, facts)
  const found: Diagnostic[] = []
  if (facts.qemu && (code === undefined || variables === undefined))
    found.push(problems.BOOT_OVMF_MISSING.at(`${path}.firmware`, 'firmware "uefi", but no OVMF was found'))
  for (const key of ['code', 'variables'] as const) {
    found.push(...checkFile(boot[key], `${path}.${key}`, context))
    const file = facts.files.get(boot[key] ?? '')
    if (file?.kind === 'file' && (file.bytes === 0 || file.bytes % 4096 !== 0)) {
      found.push(problems.BOOT_FLASH_SIZE.at(`${path}.${key}`, `${file.path} has ${file.bytes} bytes`))
    }
  }
  found.push(...checkFlashTotal(boot, context), ...checkVariablesLock(boot, context))
  const { ramBytes } = context.machine
  if (ramBytes < 48 * MiB)
    found.push(
      problems.BOOT_UEFI_RAM_SMALL.at('memory.size', `${formatBytes(ramBytes)} of RAM, with firmware "uefi"`),
    )
  if (facts.cpu?.hasLongMode === false && boot.code === undefined)
    found.push(
      problems.BOOT_UEFI_NEEDS_64_BIT.at(
        `${path}.firmware`,
        `firmware "uefi" on CPU "${facts.cpu.name}", which has no long mode`,
      ),
    )
  const esp = facts.files.get(boot.esp ?? '')
  if (esp && (esp.kind !== 'directory' || !esp.isReadable)) {
    found.push(
      problems.BOOT_ESP_NOT_A_FOLDER.at(
        `${path}.esp`,
        `${esp.path} is ${esp.kind === 'missing' ? 'missing' : esp.kind === 'directory' ? 'not readable' : 'no folder'}`,
      ),
    )
  }
  return found
}

const MOST_FLASH = 8 * MiB
/** OVMF's layout for 4 MiB of flash, which `ovmf()` looks for. */
const USUAL_FLASH = { code: 0x37_c000, variables: 0x8_4000 } as const

function checkFlashTotal(boot: BootConfig, { facts, path }: RuleContext): readonly Diagnostic[] {
  const given = (['code', 'variables'] as const).filter((key) => boot[key] !== undefined)
  const bytesOf = (key: 'code' | 'variables') =>
    boot[key] === undefined ? USUAL_FLASH[key] : (facts.files.get(boot[key])?.bytes ?? 0)
  const total = bytesOf('code') + bytesOf('variables')
  if (given.length === 0 || total <= MOST_FLASH) return []
  const largest = given.toSorted((a, b) => bytesOf(b) - bytesOf(a))[0] ?? 'code'
  return [
    problems.BOOT_FLASH_TOO_LARGE.at(
      `${path}.${largest}`,
      `${boot[largest]} has ${formatBytes(bytesOf(largest))}; code and variables together ${total} bytes`,
    ),
  ]
}

function checkVariablesLock({ variables }: BootConfig, { facts, path }: RuleContext): readonly Diagnostic[] {
  const fact = variables === undefined ? undefined : facts.files.get(variables)
  const holder = fact?.imageUse ?? fact?.lockedBy
  return fact && holder
    ? [problems.BOOT_VARIABLES_BUSY.at(`${path}.variables`, `${fact.path} is held by ${processText(holder)}`)]
    : []
}

function checkRom(boot: BootConfig, { machine, facts, path }: RuleContext): readonly Diagnostic[] {
  if (boot.rom !== 'qboot' || machine.firmware !== 'direct') return []
  if (facts.qemu && facts.qemu.firmware['qboot.rom'] === undefined)
    return [problems.BOOT_QBOOT_MISSING.at(`${path}.rom`, `no qboot.rom with ${facts.qemu.path}`)]
  return []
}
