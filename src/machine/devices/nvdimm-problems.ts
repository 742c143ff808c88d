/** What can be wrong with an NVDIMM. QEMU's words are those of 7.2; every one was tried. */
import { defineDiagnostics } from '../../diagnostics.ts'

const NVDIMM_TXT = 'QEMU docs/nvdimm.txt'

/** The numbers. */
export const sizeProblems = defineDiagnostics({
  NVDIMM_SIZE_ZERO: {
    title: 'An NVDIMM has size 0.',
    why: 'QEMU cannot create a memory backend of size 0',
    remedy: 'give it a size, such as "256M"',
    source: "QEMU: \"doesn't take value '0'\"",
    qemu: 'refuses',
  },
  NVDIMM_SIZE_NOT_PAGES: {
    title: 'Size or label area of an NVDIMM is not a multiple of the page size.',
    why: 'QEMU rounds up to pages silently, and then finds a file of exactly that size too small; Linux drops the last part of a page and refuses an fsdax namespace',
    remedy: 'use a multiple of 4K; for Linux a multiple of 128M is best',
    source: 'seen with Linux 6.1: 1000001 bytes became 999424, ndctl refused them',
    qemu: 'misbehaves',
  },
  NVDIMM_SIZE_BELOW_ALIGNMENT: {
    title: 'An NVDIMM is smaller than the alignment of its memory.',
    why: 'QEMU gives the guest whole multiples of the alignment only: 2M for RAM, `align` or else a page for a file',
    remedy: 'make it larger, use `backing: "file"`, or omit `align`',
    source: 'QEMU: "too small to contain nvdimm label (0x0) and aligned PMEM (0x200000)"',
    qemu: 'refuses',
  },
  NVDIMM_SIZE_CUT: {
    title: 'The size of an NVDIMM is not a multiple of the alignment of its memory.',
    why: 'QEMU rounds it down silently (2M for RAM, `align` or else a page for a file), and the guest gets less memory than described',
    remedy: 'use a multiple of the alignment, `backing: "file"`, or omit `align`',
    source: 'QEMU hw/mem/nvdimm.c, nvdimm_prepare_memory_region; seen: 3M became 2M',
    qemu: 'misbehaves',
  },
  NVDIMM_SIZE_UNALIGNED: {
    severity: 'warning',
    title: 'Linux cannot make a namespace of all of this NVDIMM.',
    why: 'Linux aligns regions to 16 MiB: "align setting is 0x1000000 size … is misaligned"; other kernels may not mind',
    remedy: 'use a multiple of 128M, or at least of 16M; the label area does not count',
    source: 'seen with Linux 6.1; linux/drivers/nvdimm/region_devs.c',
    qemu: 'accepts',
  },
  NVDIMM_SIZE_NOT_SECTIONS: {
    severity: 'note',
    title: 'The size of an NVDIMM is not a multiple of a Linux memory section.',
    why: 'Linux adds memory in sections of 128 MiB: used as ordinary memory (dax_kmem), the rest is lost, and a second NVDIMM begins within a section',
    remedy: 'use a multiple of 128M if the guest is Linux',
    source: 'linux/arch/x86/include/asm/sparsemem.h: SECTION_SIZE_BITS 27',
    qemu: 'accepts',
  },
  NVDIMM_LABEL_TOO_SMALL: {
    title: 'The label area is smaller than 128K.',
    why: 'two index blocks and the labels need at least 128K',
    remedy: 'set label to "128K"',
    source: 'QEMU: "Property \'nvdimm.label-size\' (0x10000) is required at least 0x20000"',
    qemu: 'refuses',
  },
  NVDIMM_ALIGN_NOT_POWER_OF_TWO: {
    title: 'The alignment of an NVDIMM is not a power of two.',
    why: 'it is the alignment of a mapping in host memory',
    remedy: 'use 4K, 2M or 1G, or omit it',
    source: 'QEMU: "alignment 0x3000 must be a power of two"',
    qemu: 'refuses',
  },
  NVDIMM_ALIGN_NOT_PAGES: {
    title: 'The alignment of an NVDIMM is not a multiple of the page size.',
    why: 'it is the alignment of a mapping in host memory',
    remedy: 'use 4K, 2M or 1G, or omit it',
    source: 'QEMU: "alignment 0xbb8 must be multiples of page size 0x1000"',
    qemu: 'refuses',
  },
})

/** The node, and options that exclude each other. */
export const optionProblems = defineDiagnostics({
  NVDIMM_NODE_MISSING: {
    title: 'An NVDIMM is on a NUMA node that the machine does not have.',
    why: 'QEMU exits when a DIMM names a node that does not exist',
    remedy: 'name one of the machine’s nodes, or add the node',
    source: 'QEMU: "which exceeds the number of numa nodes"',
    qemu: 'refuses',
  },
  NVDIMM_NODE_WITHOUT_NUMA: {
    title: 'An NVDIMM names a NUMA node, but the machine has no NUMA.',
    why: 'without NUMA there is only node 0',
    remedy: 'add `numa` to the machine, or omit `node`',
    source: 'QEMU: "which exceeds the number of numa nodes: 1"',
    qemu: 'refuses',
  },
  NVDIMM_READONLY_ARMED: {
    title: 'A read-only NVDIMM is described as armed.',
    why: 'the guest would believe that its writes survive',
    remedy: 'omit `unarmed`: bringup sets it for read-only NVDIMMs',
    source: "QEMU: \"'unarmed' property must be 'on' since memdev\"",
    qemu: 'refuses',
  },
  NVDIMM_OPTION_NEEDS_FILE: {
    title: 'An NVDIMM backed by RAM has options that only a file can have.',
    why: 'there is no file that could be shared, read, flushed or aligned',
    remedy: 'use `backing: "file"`, or omit these keys',
    source: NVDIMM_TXT,
    qemu: 'accepts',
  },
  NVDIMM_SHARED_PRIVATE: {
    title: 'An NVDIMM is shared with other machines, but its writes are private.',
    why: 'with share=off each machine writes to its own copy, so nothing is shared, and QEMU does not report that',
    remedy: 'omit `share` (it is true), or omit `shared`',
    source: `${NVDIMM_TXT}: "share=on/off controls the visibility of guest writes"`,
    qemu: 'misbehaves',
  },
  NVDIMM_NOT_KEPT: {
    severity: 'note',
    title: 'What the guest writes to an NVDIMM is lost when QEMU ends.',
    why: 'with share=off the guest writes to a private copy of the file; the next boot sees the old content',
    remedy: 'omit `share` if the content is to be kept',
    source: `${NVDIMM_TXT}; seen: the file stayed empty, without a warning`,
    qemu: 'misbehaves',
  },
  NVDIMM_PMEM_UNSUPPORTED: {
    title: 'pmem is on, but this QEMU was built without libpmem.',
    why: 'QEMU flushes to persistent memory with libpmem only',
    remedy: 'set pmem to "auto", or use a QEMU built with --enable-libpmem',
    source: 'QEMU: "Lack of libpmem support while setting the \'pmem=on\'"',
    qemu: 'refuses',
  },
  NVDIMM_PMEM_NOT_DAX: {
    severity: 'warning',
    title: 'pmem is on, but the file is not on persistent memory.',
    why: 'the host refuses MAP_SYNC there; QEMU warns, continues without the guarantee, and deprecates this use',
    remedy: 'set pmem to "auto", or put the file on a file system mounted with -o dax',
    source: 'QEMU: "Using non DAX backing file with \'pmem=on\' option is deprecated"',
    qemu: 'misbehaves',
  },
})

/** The backing file. */
export const fileProblems = defineDiagnostics({
  NVDIMM_FILE_SMALLER: {
    title: 'The backing file is smaller than the NVDIMM.',
    why: 'QEMU does not enlarge a store, because that would move the label area',
    remedy:
      'use the size of the file, or another file; `bringup nvdimm resize` enlarges it and moves the label area',
    source: 'QEMU: "backing store size 0x2000000 does not match \'size\' option 0x4000000"',
    qemu: 'refuses',
  },
  NVDIMM_FILE_LARGER: {
    severity: 'warning',
    title: 'The backing file is larger than the NVDIMM.',
    why: 'QEMU accepts it silently, though its document says that it does not; the tail is hidden from the guest, and a label area at its end with it',
    remedy: 'use the size of the file (less the label area), or another file',
    source: `${NVDIMM_TXT}: "the mismatch of their sizes aborts QEMU", which 7.2 does not do`,
    qemu: 'misbehaves',
  },
  NVDIMM_FILE_IS_DIRECTORY: {
    title: 'The backing file is a directory.',
    why: 'QEMU would map a temporary file in it and delete that file at once, so all content would be lost at the end, even on real persistent memory',
    remedy: 'name a file in that directory',
    source: 'QEMU backends/hostmem-file.c; seen: the directory stays empty',
    qemu: 'misbehaves',
  },
  NVDIMM_FILE_UNFIT: {
    title: 'The backing file is neither a plain file nor a DAX device or a disk.',
    why: 'QEMU maps it into the guest’s memory; /dev/zero and files in /proc do not store what the guest writes',
    remedy: 'name a plain file or a DAX device',
    source: 'QEMU: "unable to map backing store for guest RAM"',
    qemu: 'refuses',
  },
  NVDIMM_FILE_NO_ACCESS: {
    title: 'The backing file cannot be opened by this user.',
    why: 'QEMU runs as the user who runs bringup, and opens the file for reading and, unless it is readonly, writing',
    remedy: 'change the owner or the mode of the file, or set `readonly: true`',
    source: 'QEMU: "can\'t open backing store … Permission denied"',
    qemu: 'refuses',
  },
  NVDIMM_FOLDER_MISSING: {
    title: 'The folder of the backing file does not exist.',
    why: 'bringup does not create it, because a missing folder is usually a typo or a missing mount',
    remedy: 'create the folder, mount its file system, or correct the path',
    source: 'QEMU: "can\'t open backing store … No such file or directory"',
    qemu: 'refuses',
  },
  NVDIMM_NO_ROOM: {
    severity: 'warning',
    title: 'The file system of a new store has less room than the store may need.',
    why: 'the file is sparse: it takes room as the guest writes, and when the disk is full QEMU dies of SIGBUS',
    remedy: 'free some space, make the NVDIMM smaller, or put the file elsewhere',
    source: 'mmap(2), SIGBUS',
    qemu: 'misbehaves',
  },
  NVDIMM_READONLY_EMPTY: {
    title: 'A read-only NVDIMM has an empty file.',
    why: 'QEMU cannot enlarge a read-only file ("ftruncate: Invalid argument") but starts anyway, and crashes at the guest’s first read',
    remedy: 'fill the file first, or omit `readonly`',
    source: 'QEMU: "ftruncate: Invalid argument"',
    qemu: 'misbehaves',
  },
  NVDIMM_READONLY_NEW: {
    severity: 'warning',
    title: 'A read-only NVDIMM has no file yet.',
    why: 'the store is made empty, and the guest can put nothing into it: not even labels',
    remedy: 'boot once without `readonly`, or name the file that is meant',
    qemu: 'accepts',
  },
  NVDIMM_FILE_IS_IMAGE: {
    severity: 'warning',
    title: 'The backing file looks like a program or a disk image.',
    why: 'the guest writes to the file as it is; a kernel or a qcow2 image would be destroyed',
    remedy: 'name a file of its own for the NVDIMM; use a `disk` for a disk image',
    qemu: 'accepts',
  },
  NVDIMM_FILE_TWICE: {
    title: 'Two devices of the machine have the same file.',
    why: 'QEMU takes no lock on memory backends, so both would write to the same bytes',
    remedy: 'give each device its own file',
    source: 'seen: QEMU starts silently',
    qemu: 'misbehaves',
  },
  NVDIMM_FILE_BUSY: {
    title: 'Another process uses the backing file.',
    why: 'two machines that write to one store would corrupt it; QEMU itself does not notice for NVDIMMs',
    remedy:
      'wait for the other run or end it; set `shared: true` in both descriptions if both may use the file at the same time',
    source: '/proc/locks; QEMU takes no lock on memory-backend-file',
    qemu: 'misbehaves',
  },
})
