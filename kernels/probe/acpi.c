#include "acpi.h"

#include <stdbool.h>
#include <stddef.h>

#include "boot.h"
#include "memory.h"
#include "paging.h"

/* 5.2.5.3 */
struct acpi_rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt, length;
    uint64_t xsdt;
    uint8_t extended_checksum, reserved[3];
} PACKED;

enum { RSDP_V1_BYTES = 20 };

/* RSDT (5.2.7) or XSDT (5.2.8): a header, then addresses of 4 or 8 bytes. */
static const struct acpi_header *root;
static unsigned address_bytes;

static bool sums_to_zero(const void *table, size_t bytes)
{
    uint8_t sum = 0;
    for (const uint8_t *at = table; bytes--; at++)
        sum = (uint8_t)(sum + *at);
    return sum == 0;
}

static bool is_rsdp(const struct acpi_rsdp *rsdp)
{
    return memcmp(rsdp->signature, "RSD PTR ", 8) == 0 && sums_to_zero(rsdp, RSDP_V1_BYTES);
}

static const struct acpi_rsdp *scan(uint64_t start, uint64_t bytes)
{
    for (uint64_t at = start; at < start + bytes; at += 16)
        if (is_rsdp((const void *)at))
            return (const void *)at;
    return NULL;
}

/* 5.2.5.1: the first KiB of the EBDA, then the BIOS area. */
static const struct acpi_rsdp *find_rsdp(void)
{
    const struct acpi_rsdp *told = boot.rsdp ? map(boot.rsdp, sizeof *told) : NULL;
    if (told && is_rsdp(told))
        return told;
    uint64_t bios_data = 0x40e;
    __asm__("" : "+r"(bios_data)); /* compilers take a dereferenced small constant for a null pointer */
    uint64_t ebda = (uint64_t) * (const volatile uint16_t *)bios_data << 4;
    const struct acpi_rsdp *found = ebda >= 0x80000 && ebda < 0xa0000 ? scan(ebda, 1024) : NULL;
    return found ? found : scan(0xe0000, 0x20000);
}

const struct acpi_header *acpi_at(uint64_t address)
{
    const struct acpi_header *table = address ? map(address, sizeof *table) : NULL;
    if (!table || table->length < sizeof *table || !map(address, table->length))
        return NULL;
    return sums_to_zero(table, table->length) ? table : NULL;
}

void acpi_init(void)
{
    const struct acpi_rsdp *rsdp = find_rsdp();
    if (!rsdp)
        return;
    if (rsdp->revision >= 2 && (root = acpi_at(rsdp->xsdt)))
        address_bytes = 8;
    else if ((root = acpi_at(rsdp->rsdt)))
        address_bytes = 4;
}

const struct acpi_header *acpi_find(const char *signature, unsigned skip)
{
    if (!root)
        return NULL;
    const uint8_t *at = (const uint8_t *)(root + 1), *end = (const uint8_t *)root + root->length;
    for (; at + address_bytes <= end; at += address_bytes) {
        uint64_t address = 0;
        memcpy(&address, at, address_bytes);
        const struct acpi_header *table = address ? map(address, sizeof *table) : NULL;
        if (table && memcmp(table->signature, signature, 4) == 0 && !skip--)
            return acpi_at(address);
    }
    return NULL;
}
