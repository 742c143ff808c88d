#include "paging.h"

#include <stddef.h>

#include "cpu.h"

enum { PRESENT = 1, WRITABLE = 2, LARGE = 0x80, ENTRIES = 512, SPARE_TABLES = 64 };
static const uint64_t giant = 1ull << 30, large = 1ull << 21, address_bits = 0x000ffffffffff000;

extern uint64_t boot_pml4[ENTRIES];

/* Each table spans 512 GiB (of 1 GiB entries) or 1 GiB (of 2 MiB entries). */
static uint64_t spare_tables[SPARE_TABLES][ENTRIES] __attribute__((aligned(4096)));
static unsigned spare_used;

static bool has_giant_pages(void)
{
    return cpuid(0x80000000, 0).eax >= 0x80000001 && (cpuid(0x80000001, 0).edx & (1u << 26));
}

static uint64_t physical_limit(void)
{
    uint32_t bits = cpuid(0x80000000, 0).eax >= 0x80000008 ? cpuid(0x80000008, 0).eax & 0xff : 36;
    /* The lower half of the address space, where an identity map can be. */
    return 1ull << (bits < 47 ? bits : 47);
}

/* The table that `entry` points to, made if it is not there. */
static uint64_t *table_below(uint64_t *entry)
{
    if (!(*entry & PRESENT)) {
        if (spare_used == SPARE_TABLES)
            return NULL;
        *entry = (uint64_t)spare_tables[spare_used++] | PRESENT | WRITABLE;
    }
    return (uint64_t *)(*entry & address_bits);
}

/* Maps the page around `address`; returns the first address behind it, or 0. */
static uint64_t map_page(uint64_t address)
{
    uint64_t *pdpt = table_below(&boot_pml4[address >> 39]);
    if (!pdpt)
        return 0;
    uint64_t *entry = &pdpt[(address >> 30) % ENTRIES];
    if (!(*entry & PRESENT) && has_giant_pages())
        *entry = (address & ~(giant - 1)) | PRESENT | WRITABLE | LARGE;
    if (*entry & LARGE)
        return (address & ~(giant - 1)) + giant;
    uint64_t *directory = table_below(entry);
    if (!directory)
        return 0;
    directory[(address >> 21) % ENTRIES] = (address & ~(large - 1)) | PRESENT | WRITABLE | LARGE;
    return (address & ~(large - 1)) + large;
}

void *map(uint64_t address, uint64_t bytes)
{
    const uint64_t mapped_by_boot = 4 * giant;
    uint64_t end = address + (bytes ? bytes : 1);
    if (end < address || end > physical_limit())
        return NULL;
    uint64_t at = address < mapped_by_boot ? mapped_by_boot : address;
    while (at < end)
        if (!(at = map_page(at)))
            return NULL;
    reload_cr3();
    return (void *)address;
}
