/** What can be wrong with regions that are to become persistent memory. */
import { defineDiagnostics } from '../diagnostics.ts'

const E820 = 'arch/x86/kernel/e820.c, parse_memmap_one()'
const CHOOSE = 'omit --at, and let bringup choose the address'

export const problems = defineDiagnostics({
  PMEM_UNALIGNED: {
    title: 'A region does not start and end at multiples of 2 MiB.',
    why: 'the kernel says "misaligned, unable to map", and there is no /dev/pmem',
    remedy: 'give size and address as multiples of 2 MiB',
    source: 'drivers/nvdimm/namespace_devs.c, nvdimm_namespace_common_probe(); memremap_compat_align()',
  },
  PMEM_LOW_MEMORY: {
    title: 'A region takes memory below 16 MiB, without which a PC cannot boot.',
    why: 'the kernel panics ("Real mode trampoline was not allocated") or hangs silently',
    remedy: CHOOSE,
    source: 'arch/x86/realmode/init.c',
  },
  PMEM_NOT_RAM: {
    title: 'A region is partly or completely outside of RAM.',
    why: '/dev/pmem appears and accepts a file system, but stores nothing',
    remedy: CHOOSE,
    source: E820,
  },
  PMEM_RESERVED: {
    title: 'A region covers memory that the firmware reserves for itself or for devices.',
    why: 'the kernel cuts the region into fragments, some of them misaligned, or writes where the firmware keeps its tables',
    remedy: CHOOSE,
    source: E820,
  },
  PMEM_TAKEN: {
    title: 'A region covers memory that is persistent memory already, real or emulated.',
    why: 'two devices on one memory overwrite each other; it may hold data',
    remedy: 'use the existing memory (`bringup pmem status`), or undo it first (`bringup pmem undo`)',
    source: E820,
  },
  PMEM_CLAIMED: {
    title: 'A region covers memory that another memmap= on the command line reserves.',
    why: 'a driver, a crash recorder or another kernel may use it, and two users overwrite each other',
    remedy: 'omit --at, so that bringup chooses the address',
    source: E820,
  },
  PMEM_OVERLAP: {
    title: 'Two of the wanted regions overlap.',
    why: 'the kernel would make one region of them',
    remedy: 'move one of them, or omit --at',
  },
  PMEM_STRADDLES_NODES: {
    title: 'A region lies on several NUMA nodes.',
    why: 'the device gets the node of its first byte; for the rest that is wrong, and so is what is measured there',
    remedy: 'choose a smaller size, or --count with one region a node',
    source: 'drivers/nvdimm/e820.c, e820_register_one()',
  },
  PMEM_WRONG_NODE: {
    title: 'A region is not on the requested node.',
    why: 'the address decides the node',
    remedy: 'omit --at or --node',
  },
  PMEM_NODE_UNKNOWN: {
    title: 'The NUMA node does not exist or has no memory.',
    why: 'the region has to lie in the memory of a node',
    remedy: 'choose one of the nodes that have memory',
  },
  PMEM_UNDER_KERNEL: {
    title: 'A region covers the kernel, which has a fixed address.',
    why: 'the kernel cuts the region around itself; what is left is misaligned, and there is no /dev/pmem',
    remedy: 'choose an address beyond the kernel, or boot without nokaslr',
    source: 'arch/x86/boot/compressed/kaslr.c, mem_avoid_memmap(); drivers/firmware/efi/libstub/x86-stub.c',
  },
  PMEM_EFI_KASLR: {
    title: 'A kernel of this version, started by UEFI, may put itself into the region.',
    severity: 'warning',
    why: 'its EFI stub chooses the place at random and does not know memmap=; the region is then cut around the kernel, in some boots and not in others',
    remedy:
      'update the kernel (6.10, 6.9.4, 6.6.33 and 6.1.93 are repaired), or add nokaslr to its command line; if the distribution has repaired its kernel, nothing needs to be done',
    source: 'Linux commit 15aa8fb852f9, "x86/efistub: Omit physical KASLR when memory reservations exist"',
  },
  PMEM_CRASH_KERNEL: {
    title: 'A region covers the place that crashkernel= names.',
    why: 'the reservation fails, and crashes leave no dump',
    remedy: `${CHOOSE}, or move the crash kernel`,
    source: 'Documentation/admin-guide/kdump/kdump.rst',
  },
  PMEM_INITRD: {
    title: 'A region covers the place where the boot loader has put the initramfs.',
    severity: 'warning',
    why: 'the boot loader knows nothing of memmap=; the kernel has to move the initramfs, and may cut the region',
    remedy: CHOOSE,
    source: 'arch/x86/kernel/setup.c, relocate_initrd()',
  },
  PMEM_PARTIAL_SECTION: {
    title: 'A region shares a memory section with RAM.',
    severity: 'note',
    why: 'kernels before 5.3 cannot map such a region',
    remedy: 'give size and address as multiples of the section size',
    source: 'Documentation/mm/memory-model.rst; kernel 5.3, sub-section memory hot-plug',
  },
  PMEM_TOO_LITTLE_RAM: {
    title: 'Too little RAM would be left to boot and work.',
    why: 'the region is lost to the kernel, and so are 64 bytes for each of its 4 KiB pages',
    remedy: 'make the region smaller',
    source: 'Documentation/mm/vmemmap_dedup.rst; 512 MiB is bringup’s own limit',
  },
  PMEM_LITTLE_RAM: {
    title: 'The regions take most of the RAM, or all RAM of a node.',
    severity: 'warning',
    why: 'programs may not find enough memory, or only that of another node',
    remedy: 'make the region smaller if that is not meant',
  },
  PMEM_KASLR_LIMIT: {
    title: 'More than four memmap= with an address on one command line.',
    severity: 'warning',
    why: 'the kernel keeps clear of the first four when it chooses its place at random, and may put itself into any further one',
    remedy: 'use fewer regions, or add nokaslr to the command line',
    source: 'arch/x86/boot/compressed/kaslr.c, MAX_MEMMAP_REGIONS',
  },
  PMEM_MAP_INVALID: {
    title: 'The kernel cannot boot with the memmap= of this command line.',
    why: 'it panics with "Invalid user supplied memory map": fewer than two entries are left, or one reaches past the last address',
    remedy: 'correct the memmap= parameters',
    source: 'arch/x86/kernel/e820.c, e820__finish_early_params()',
  },
  PMEM_EXACT_MAP: {
    title: 'The command line has memmap=exactmap.',
    why: 'the kernel then ignores the firmware’s map, so bringup does not know what is RAM',
    remedy: 'remove exactmap from the command line, and reboot',
    source: E820,
  },
})
