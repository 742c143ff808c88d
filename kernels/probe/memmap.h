/* The firmware's memory map: what it says, and where there is memory to use. */
#ifndef MEMMAP_H
#define MEMMAP_H

#include <stdint.h>

/* {"t":"memory",...} for each entry. */
void memmap_report(void);
/* Start of usable memory, behind this kernel and below 4 GiB, that nothing has touched; 0 if there is none. */
uint64_t memmap_find_fresh(uint64_t bytes);
/*
 * Bytes of RAM, for machines without an SRAT: every usable range, and each other range (ACPI tables, the
 * firmware's own) that begins exactly where a counted one ends. This counts as QEMU's SRAT does: all RAM but
 * for the 384 KiB between 640 KiB and 1 MiB.
 */
uint64_t memmap_ram_bytes(void);

#endif
