#include "virtio.h"

enum { STATUS = 0x06, CAPABILITIES = 0x34 };
enum { HAS_CAPABILITIES = 1 << 4, CAPABILITY_VENDOR = 0x09 };
/* virtio 1.2, 4.1.4: struct virtio_pci_cap, and the window of 4.1.4.9 */
enum { CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, WINDOW_DATA = 16 };
enum { TYPE_DEVICE_CONFIG = 4, TYPE_WINDOW = 5 };

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
bool virtio_config32(struct pci_address at, unsigned offset, uint32_t *value)
{
    unsigned config = find_virtio(at, TYPE_DEVICE_CONFIG), window = find_virtio(at, TYPE_WINDOW);
    if (!config || !window)
        return false;
    pci_write8(at, window + CAP_BAR, pci_read8(at, config + CAP_BAR));
    pci_write32(at, window + CAP_OFFSET, pci_read32(at, config + CAP_OFFSET) + offset);
    pci_write32(at, window + CAP_LENGTH, sizeof(uint32_t));
    *value = pci_read32(at, window + WINDOW_DATA);
    return true;
}
