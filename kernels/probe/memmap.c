#include "memmap.h"

#include "boot.h"
#include "json.h"

extern char image_end[];

static const char *const kind_names[] = {
    [MEMORY_USABLE] = "usable",
    [MEMORY_RESERVED] = "reserved",
    [MEMORY_ACPI] = "acpi-reclaimable",
    [MEMORY_NVS] = "acpi-nvs",
    [MEMORY_UNUSABLE] = "unusable",
    [MEMORY_PMEM] = "pmem",
    [MEMORY_OTHER] = "other",
};

void memmap_report(void)
{
    for (size_t i = 0; i < boot.range_count; i++) {
        json_open("memory");
        json_number("start", boot.ranges[i].start);
        json_number("bytes", boot.ranges[i].bytes);
        json_string("kind", kind_names[boot.ranges[i].kind]);
        json_close();
    }
}

uint64_t memmap_find_fresh(uint64_t bytes)
{
    const uint64_t page = 4096, limit = 1ull << 32;
    for (size_t i = 0; i < boot.range_count; i++) {
        const struct memory_range *range = &boot.ranges[i];
        uint64_t start = range->start, end = range->start + range->bytes;
        if (start < (uint64_t)image_end)
            start = (uint64_t)image_end;
        start = (start + page - 1) & ~(page - 1);
        if (range->kind == MEMORY_USABLE && start < end && end - start >= bytes && start + bytes <= limit)
            return start;
    }
    return 0;
}

uint64_t memmap_ram_bytes(void)
{
    bool counted[sizeof boot.ranges / sizeof *boot.ranges] = { false };
    uint64_t total = 0;
    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < boot.range_count; i++) {
            bool is_ram = boot.ranges[i].kind == MEMORY_USABLE;
            for (size_t j = 0; j < boot.range_count && !is_ram; j++)
                is_ram = counted[j] && boot.ranges[i].kind != MEMORY_PMEM &&
                         boot.ranges[j].start + boot.ranges[j].bytes == boot.ranges[i].start;
            if (counted[i] || !is_ram)
                continue;
            counted[i] = grew = true;
            total += boot.ranges[i].bytes;
        }
    }
    return total;
}
