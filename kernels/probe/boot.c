#include "boot.h"

#include "boot-layout.h"
#include "memory.h"
#include "text.h"

/* Set by boot.S. */
extern uint32_t boot_protocol;
extern uint64_t boot_info;
extern uint8_t low_page_copy[TRAMPOLINE_BYTES];

struct boot boot;

/* Xen's public/arch-x86/hvm/start_info.h */
struct pvh_start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, cmdline, rsdp;
    /* From version 1 on. */
    uint64_t memory_map;
    uint32_t memory_map_entries, reserved;
};

struct pvh_memory_entry {
    uint64_t start, bytes;
    uint32_t type, reserved;
};

enum { PVH_MAGIC = 0x336ec578 };

/* Multiboot Specification 0.6.96, section 3.3 */
struct multiboot_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, symbols[4];
    uint32_t mmap_length, mmap_addr;
};

struct multiboot_memory_entry {
    uint32_t size; /* of the rest */
    uint64_t start, bytes;
    uint32_t type;
} __attribute__((packed));

enum { MULTIBOOT_HAS_CMDLINE = 1 << 2, MULTIBOOT_HAS_MEMORY_MAP = 1 << 6 };

/* Both protocols use the numbers of the BIOS call E820. */
static enum memory_kind kind_of_e820(uint32_t type)
{
    switch (type) {
    case 1: return MEMORY_USABLE;
    case 2: return MEMORY_RESERVED;
    case 3: return MEMORY_ACPI;
    case 4: return MEMORY_NVS;
    case 5: return MEMORY_UNUSABLE;
    case 7: return MEMORY_PMEM;
    default: return MEMORY_OTHER;
    }
}

void boot_add_range(uint64_t start, uint64_t bytes, enum memory_kind kind)
{
    if (bytes && boot.range_count < sizeof boot.ranges / sizeof *boot.ranges)
        boot.ranges[boot.range_count++] = (struct memory_range){ start, bytes, kind };
}

static void read_pvh(const struct pvh_start_info *info)
{
    boot.protocol = "pvh";
    if (info->magic != PVH_MAGIC)
        return;
    boot.rsdp = info->rsdp;
    if (info->cmdline)
        text_copy(boot.cmdline, (const char *)info->cmdline, sizeof boot.cmdline);
    if (info->version < 1)
        return;
    const struct pvh_memory_entry *entry = (const void *)info->memory_map;
    for (uint32_t i = 0; i < info->memory_map_entries; i++)
        boot_add_range(entry[i].start, entry[i].bytes, kind_of_e820(entry[i].type));
}

static void read_multiboot(const struct multiboot_info *info)
{
    boot.protocol = "multiboot";
    if (info->flags & MULTIBOOT_HAS_CMDLINE) {
        /* By convention the first word is the kernel's own file name. */
        const char *text = (const char *)(uintptr_t)info->cmdline;
        while (*text && *text != ' ')
            text++;
        text_copy(boot.cmdline, *text ? text + 1 : text, sizeof boot.cmdline);
    }
    if (!(info->flags & MULTIBOOT_HAS_MEMORY_MAP))
        return;
    uintptr_t at = info->mmap_addr, end = at + info->mmap_length;
    while (at < end) {
        const struct multiboot_memory_entry *entry = (const void *)at;
        boot_add_range(entry->start, entry->bytes, kind_of_e820(entry->type));
        at += entry->size + sizeof entry->size;
    }
}

void boot_read(void)
{
    memcpy((void *)TRAMPOLINE, low_page_copy, TRAMPOLINE_BYTES);
    if (boot_protocol == BOOT_BY_PVH)
        read_pvh((const void *)boot_info);
    else if (boot_protocol == BOOT_BY_MULTIBOOT)
        read_multiboot((const void *)boot_info);
}
