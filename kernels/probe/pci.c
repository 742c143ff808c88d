#include "pci.h"

#include <stddef.h>

#include "acpi.h"
#include "cpu.h"
#include "cxl.h"
#include "ivshmem.h"
#include "json.h"
#include "nic.h"
#include "paging.h"
#include "serial.h"
#include "virtio-pmem.h"

enum {
    IDS = 0x00,
    STATUS = 0x06,
    CLASS = 0x08,
    HEADER_TYPE = 0x0e,
    BUS_NUMBERS = 0x18,
    SUBSYSTEM = 0x2c,
    CAPABILITIES = 0x34,
};
enum { HAS_CAPABILITIES = 1 << 4, CAPABILITY_SUBSYSTEM = 0x0d, CAPABILITY_EXPRESS = 0x10 };
enum { NO_SLOT = -1, CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc };
static const uint32_t nothing_there = 0xffffffff;

/* The memory-mapped window of segment 0, or NULL. */
static volatile uint8_t *window;
static uint8_t window_first_bus, window_last_bus;

static volatile uint32_t *in_window(struct pci_address at, unsigned offset)
{
    if (!window || at.bus < window_first_bus || at.bus > window_last_bus)
        return NULL;
    uint64_t bus = (uint64_t)(at.bus - window_first_bus);
    return (volatile uint32_t *)(window + (bus << 20 | at.device << 15 | at.function << 12 | (offset & 0xffc)));
}

static void select_port(struct pci_address at, unsigned offset)
{
    out32(CONFIG_ADDRESS, 1u << 31 | (uint32_t)at.bus << 16 | (uint32_t)at.device << 11 |
                              (uint32_t)at.function << 8 | (offset & 0xfc));
}

uint32_t pci_read32(struct pci_address at, unsigned offset)
{
    volatile uint32_t *mapped = in_window(at, offset);
    if (mapped)
        return *mapped;
    select_port(at, offset);
    return in32(CONFIG_DATA);
}

uint16_t pci_read16(struct pci_address at, unsigned offset)
{
    return (uint16_t)(pci_read32(at, offset) >> (offset & 2) * 8);
}

uint8_t pci_read8(struct pci_address at, unsigned offset)
{
    return (uint8_t)(pci_read32(at, offset) >> (offset & 3) * 8);
}

void pci_write32(struct pci_address at, unsigned offset, uint32_t value)
{
    volatile uint32_t *mapped = in_window(at, offset);
    if (mapped) {
        *mapped = value;
        return;
    }
    select_port(at, offset);
    out32(CONFIG_DATA, value);
}

void pci_write16(struct pci_address at, unsigned offset, uint16_t value)
{
    volatile uint32_t *mapped = in_window(at, offset);
    if (mapped) {
        ((volatile uint16_t *)mapped)[offset / 2 % 2] = value;
        return;
    }
    select_port(at, offset);
    out16(CONFIG_DATA + (offset & 2), value);
}

void pci_write8(struct pci_address at, unsigned offset, uint8_t value)
{
    volatile uint32_t *mapped = in_window(at, offset);
    if (mapped) {
        ((volatile uint8_t *)mapped)[offset % 4] = value;
        return;
    }
    select_port(at, offset);
    out8((uint16_t)(CONFIG_DATA + (offset & 3)), value);
}

void pci_init(void)
{
    const struct acpi_mcfg *mcfg = (const void *)acpi_find("MCFG", 0);
    if (!mcfg || mcfg->header.length < sizeof *mcfg + sizeof *mcfg->ranges || mcfg->ranges[0].segment)
        return;
    const struct pci_address first = { 0, 0, 0 };
    uint32_t by_port = pci_read32(first, IDS);
    const struct mcfg_range *range = &mcfg->ranges[0];
    window_first_bus = range->first_bus;
    window_last_bus = range->last_bus;
    window = map(range->base, (uint64_t)(range->last_bus - range->first_bus + 1) << 20);
    /* A table may name a window that firmware never switched on; and a machine may have a window but no ports. */
    if (by_port != nothing_there && pci_read32(first, IDS) != by_port)
        window = NULL;
}

/* Offset of a capability in configuration space, or 0. */
static uint8_t find_capability(struct pci_address at, uint8_t id)
{
    if (!(pci_read16(at, STATUS) & HAS_CAPABILITIES))
        return 0;
    uint8_t offset = pci_read8(at, CAPABILITIES) & 0xfc;
    for (unsigned guard = 0; offset && guard < 48; guard++) {
        uint16_t header = pci_read16(at, offset);
        if ((header & 0xff) == id)
            return offset;
        offset = header >> 8 & 0xfc;
    }
    return 0;
}

static bool is_bridge(struct pci_address at)
{
    return (pci_read8(at, HEADER_TYPE) & 0x7f) == 1;
}

/* PCI Express Base Specification, 7.5.3.9: the physical slot number of a port that leads to a slot. */
static int slot_below(struct pci_address port)
{
    uint8_t express = find_capability(port, CAPABILITY_EXPRESS);
    bool has_slot = express && (pci_read16(port, express + 2) & 1 << 8);
    return has_slot ? (int)(pci_read32(port, express + 0x14) >> 19) : NO_SLOT;
}

struct walk {
    pci_visitor *visit;
    void *context;
    bool seen[256];
    /* Highest bus number in use: the next one is free for a bridge that firmware left without. */
    uint8_t last_bus;
};

static bool walk_bus(struct walk *walk, uint8_t bus, int slot);

/* A bridge without numbers (qboot sets none) gets the next free ones, as firmware would have given them. */
static bool walk_behind(struct walk *walk, struct pci_address bridge)
{
    uint32_t numbers = pci_read32(bridge, BUS_NUMBERS);
    uint8_t secondary = numbers >> 8 & 0xff;
    bool unnumbered = secondary == 0;
    if (unnumbered) {
        if (walk->last_bus == 255)
            return false;
        secondary = ++walk->last_bus;
        pci_write32(bridge, BUS_NUMBERS, (numbers & 0xff000000) | 0xff0000u | (uint32_t)secondary << 8 | bridge.bus);
    }
    bool done = walk_bus(walk, secondary, slot_below(bridge));
    if (unnumbered)
        pci_write32(bridge, BUS_NUMBERS,
                    (numbers & 0xff000000) | (uint32_t)walk->last_bus << 16 | (uint32_t)secondary << 8 | bridge.bus);
    return done;
}

static bool walk_bus(struct walk *walk, uint8_t bus, int slot)
{
    if (walk->seen[bus])
        return false;
    walk->seen[bus] = true;
    if (bus > walk->last_bus)
        walk->last_bus = bus;
    for (unsigned i = 0; i < 32 * 8; i++) {
        struct pci_address at = { bus, (uint8_t)(i / 8), i % 8 };
        if (pci_read32(at, IDS) == nothing_there) {
            if (at.function == 0)
                i += 7;
            continue;
        }
        if (walk->visit(at, slot, walk->context) || (is_bridge(at) && walk_behind(walk, at)))
            return true;
        if (at.function == 0 && !(pci_read8(at, HEADER_TYPE) & 0x80))
            i += 7;
    }
    return false;
}

/* QEMU's extra root buses (pxb) show on bus 0 as one of these (pxb, pxb-pcie; pxb-cxl has no numbers), but their bus numbers stand in the DSDT alone. */
static bool is_extra_root(struct pci_address at, int slot, void *context)
{
    (void)slot;
    (void)context;
    uint32_t ids = pci_read32(at, IDS);
    bool is_nameless_host_bridge = ids == 0 && pci_read32(at, CLASS) >> 16 == 0x0600;
    return at.bus == 0 && (ids == 0x00091b36 || ids == 0x000b1b36 || is_nameless_host_bridge);
}

bool pci_walk(pci_visitor *visit, void *context)
{
    static struct walk walk, roots;
    walk = (struct walk){ .visit = visit, .context = context };
    if (walk_bus(&walk, 0, NO_SLOT))
        return true;
    roots = (struct walk){ .visit = is_extra_root };
    if (!walk_bus(&roots, 0, NO_SLOT))
        return false;
    for (unsigned bus = 1; bus < 256; bus++)
        if (!walk.seen[bus] && walk_bus(&walk, (uint8_t)bus, NO_SLOT))
            return true;
    return false;
}

struct search {
    uint32_t ids;
    struct pci_address *found;
};

static bool matches(struct pci_address at, int slot, void *context)
{
    (void)slot;
    const struct search *search = context;
    if (pci_read32(at, IDS) != search->ids)
        return false;
    *search->found = at;
    return true;
}

bool pci_find(uint16_t vendor, uint16_t device, struct pci_address *found)
{
    struct search search = { (uint32_t)device << 16 | vendor, found };
    return pci_walk(matches, &search);
}

/* Device functions have it in their header, bridges in a capability. */
static uint32_t subsystem_of(struct pci_address at)
{
    if (!is_bridge(at))
        return pci_read32(at, SUBSYSTEM);
    uint8_t capability = find_capability(at, CAPABILITY_SUBSYSTEM);
    return capability ? pci_read32(at, capability + 4u) : 0;
}

void pci_json_address(struct pci_address at)
{
    char text[] = "00:00.0";
    const char *digits = "0123456789abcdef";
    text[0] = digits[at.bus >> 4];
    text[1] = digits[at.bus & 15];
    text[3] = digits[at.device >> 4];
    text[4] = digits[at.device & 15];
    text[6] = digits[at.function];
    json_string("address", text);
}

bool pci_reaches_extended(struct pci_address at)
{
    return in_window(at, 0) != NULL;
}

static bool report(struct pci_address at, int slot, void *context)
{
    (void)context;
    uint32_t ids = pci_read32(at, IDS), subsystem = subsystem_of(at);
    json_open("pci");
    pci_json_address(at);
    json_hex("vendor", ids & 0xffff, 4);
    json_hex("device", ids >> 16, 4);
    json_hex("class", pci_read32(at, CLASS) >> 8, 6);
    json_hex("subsystemVendor", subsystem & 0xffff, 4);
    json_hex("subsystem", subsystem >> 16, 4);
    if (slot == NO_SLOT)
        json_null("slot");
    else
        json_number("slot", (uint64_t)slot);
    json_close();
    virtio_pmem_report(at);
    ivshmem_report(at);
    nic_report(at);
    cxl_memory_report(at);
    return false;
}

void pci_report(void)
{
    pci_walk(report, NULL);
}
