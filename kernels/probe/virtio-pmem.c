#include "virtio-pmem.h"

#include <stddef.h>

#include "json.h"

enum { IDS = 0x00, STATUS = 0x06, CAPABILITIES = 0x34 };
enum { HAS_CAPABILITIES = 1 << 4, CAPABILITY_VENDOR = 0x09 };
/* virtio 1.2, 4.1.4: struct virtio_pci_cap, and the window of 4.1.4.9 */
enum { CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, WINDOW_DATA = 16 };
enum { TYPE_DEVICE_CONFIG = 4, TYPE_WINDOW = 5 };
/* 5.19.4: where the memory begins, and how much it is, 64 bits each */
enum { CONFIG_START = 0, CONFIG_BYTES = 8 };
static const uint32_t virtio_pmem_ids = 0x105b1af4;

/* Offset of virtio's capability of that type, or 0. */
static unsigned find_virtio(struct pci_address at, uint8_t type)
{
    if (!(pci_read16(at, STATUS) & HAS_CAPABILITIES))
        return 0;
    unsigned offset = pci_read8(at, CAPABILITIES) & 0xfc;
    for (unsigned guard = 0; offset && guard < 48; guard++, offset = pci_read8(at, offset + 1) & 0xfc)
        if (pci_read8(at, offset) == CAPABILITY_VENDOR && pci_read8(at, offset + CAP_TYPE) == type)
            return offset;
    return 0;
}

/* Reads through the window in configuration space: not all firmware gives BARs an address (qboot does not). */
static uint32_t read_config32(struct pci_address at, unsigned config, unsigned window, unsigned offset)
{
    pci_write8(at, window + CAP_BAR, pci_read8(at, config + CAP_BAR));
    pci_write32(at, window + CAP_OFFSET, pci_read32(at, config + CAP_OFFSET) + offset);
    pci_write32(at, window + CAP_LENGTH, sizeof(uint32_t));
    return pci_read32(at, window + WINDOW_DATA);
}

static void report_config64(struct pci_address at, const char *key, unsigned offset)
{
    unsigned config = find_virtio(at, TYPE_DEVICE_CONFIG), window = find_virtio(at, TYPE_WINDOW);
    if (!config || !window)
        json_null(key);
    else
        json_number(key, (uint64_t)read_config32(at, config, window, offset + 4) << 32 |
                             read_config32(at, config, window, offset));
}

void virtio_pmem_report(struct pci_address at)
{
    if (pci_read32(at, IDS) != virtio_pmem_ids)
        return;
    json_open("virtio-pmem");
    pci_json_address(at);
    report_config64(at, "start", CONFIG_START);
    report_config64(at, "bytes", CONFIG_BYTES);
    json_close();
}
