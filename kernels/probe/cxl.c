#include "cxl.h"

#include <stddef.h>

#include "acpi.h"
#include "json.h"
#include "memory.h"

enum { CLASS = 0x08, FIRST_EXTENDED = 0x100, EXTENDED_DVSEC = 0x23 };
/* PCI code and ID assignment, 1.5: memory controller, CXL */
static const uint32_t cxl_memory_class = 0x050210;
/* CXL 3.0, 8.1.3: PCIe DVSEC for CXL devices; offsets within it */
enum { DVSEC_VENDOR = 0x04, DVSEC_ID = 0x08, SIZE_HIGH = 0x18, SIZE_LOW = 0x1c, CXL_VENDOR = 0x1e98, CXL_DEVICE = 0 };
static const uint32_t size_low_mask = 0xf0000000, nothing_there = 0xffffffff;

static void report_bridge(const struct cedt_host_bridge *bridge)
{
    json_open("cxl-host-bridge");
    json_number("uid", bridge->uid);
    json_number("version", bridge->version);
    json_number("start", bridge->base);
    json_number("bytes", bridge->bytes);
    json_close();
}

static void report_window(const struct cedt_window *window, uint64_t index)
{
    uint32_t ways = window->interleave_ways < 5 ? 1u << window->interleave_ways : 0;
    json_open("cxl-window");
    json_number("window", index);
    json_number("start", window->base);
    json_number("bytes", window->bytes);
    json_number("ways", ways);
    json_number("granularity", 256ull << (window->granularity & 7));
    json_close();
    for (uint32_t i = 0; i < ways && sizeof *window + 4 * (i + 1) <= window->entry.length; i++) {
        uint32_t uid;
        memcpy(&uid, (const uint8_t *)(window + 1) + 4 * i, sizeof uid);
        json_open("cxl-target");
        json_number("window", index);
        json_number("position", i);
        json_number("uid", uid);
        json_close();
    }
}

void cxl_report(void)
{
    const struct acpi_header *cedt = acpi_find("CEDT", 0);
    if (!cedt)
        return;
    const uint8_t *at = (const uint8_t *)(cedt + 1), *end = (const uint8_t *)cedt + cedt->length;
    uint64_t windows = 0;
    while (at + sizeof(struct cedt_entry) <= end) {
        const struct cedt_entry *entry = (const void *)at;
        if (entry->length < sizeof *entry || at + entry->length > end)
            return;
        if (entry->type == CEDT_HOST_BRIDGE && entry->length >= sizeof(struct cedt_host_bridge))
            report_bridge((const void *)at);
        if (entry->type == CEDT_WINDOW && entry->length >= sizeof(struct cedt_window))
            report_window((const void *)at, windows++);
        at += entry->length;
    }
}

/* Offset of the DVSEC in extended configuration space, or 0: ports 0xcf8 do not reach it. */
static unsigned find_device_dvsec(struct pci_address at)
{
    unsigned offset = pci_reaches_extended(at) ? FIRST_EXTENDED : 0;
    for (unsigned guard = 0; offset && guard < 64; guard++) {
        uint32_t header = pci_read32(at, offset);
        if (header == 0 || header == nothing_there)
            return 0;
        if ((header & 0xffff) == EXTENDED_DVSEC && pci_read16(at, offset + DVSEC_VENDOR) == CXL_VENDOR &&
            pci_read16(at, offset + DVSEC_ID) == CXL_DEVICE)
            return offset;
        offset = header >> 20 & 0xffc;
    }
    return 0;
}

void cxl_memory_report(struct pci_address at)
{
    if (pci_read32(at, CLASS) >> 8 != cxl_memory_class)
        return;
    unsigned dvsec = find_device_dvsec(at);
    json_open("cxl-memory");
    pci_json_address(at);
    if (dvsec)
        json_number("bytes", (uint64_t)pci_read32(at, dvsec + SIZE_HIGH) << 32 |
                                 (pci_read32(at, dvsec + SIZE_LOW) & size_low_mask));
    else
        json_null("bytes");
    json_close();
}
