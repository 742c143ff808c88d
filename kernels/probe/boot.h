/* What the loader told, in one shape whichever loader it was; copied out of its memory before anything else. */
#ifndef BOOT_H
#define BOOT_H

#include <stddef.h>
#include <stdint.h>

enum memory_kind {
    MEMORY_USABLE,
    MEMORY_RESERVED,
    MEMORY_ACPI,
    MEMORY_NVS,
    MEMORY_UNUSABLE,
    MEMORY_PMEM,
    MEMORY_OTHER,
};

struct memory_range {
    uint64_t start, bytes;
    enum memory_kind kind;
};

struct boot {
    const char *protocol;
    char cmdline[4096];
    /* Physical address of the ACPI RSDP, or 0 if the loader does not say. */
    uint64_t rsdp;
    struct memory_range ranges[256];
    size_t range_count;
};

extern struct boot boot;

/* Reads PVH or multiboot information. (The EFI road fills `boot` itself, in efi.c.) */
void boot_read(void);
void boot_add_range(uint64_t start, uint64_t bytes, enum memory_kind kind);

#endif
