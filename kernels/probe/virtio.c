#include "virtio.h"

enum { STATUS = 0x06, CAPABILITIES = 0x34 };
enum { HAS_CAPABILITIES = 1 << 4, CAPABILITY_VENDOR = 0x09 };
/* virtio 1.2, 4.1.4: struct virtio_pci_cap, the step of 4.1.4.4 and the window of 4.1.4.9 */
enum { CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, NOTIFY_STEP = 16, WINDOW_DATA = 16 };
enum { TYPE_WINDOW = 5 };

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

/* Aims the window at registers: not all firmware gives BARs an address (qboot does not). Returns where its data is, or 0. */
static unsigned aim(struct pci_address at, enum virtio_registers which, unsigned offset, unsigned bytes)
{
    unsigned registers = find_virtio(at, which), window = find_virtio(at, TYPE_WINDOW);
    if (!registers || !window)
        return 0;
    pci_write8(at, window + CAP_BAR, pci_read8(at, registers + CAP_BAR));
    pci_write32(at, window + CAP_OFFSET, pci_read32(at, registers + CAP_OFFSET) + offset);
    pci_write32(at, window + CAP_LENGTH, bytes);
    return window + WINDOW_DATA;
}

bool virtio_read(struct pci_address at, enum virtio_registers which, unsigned offset, unsigned bytes, uint32_t *value)
{
    unsigned data = aim(at, which, offset, bytes);
    if (!data)
        return false;
    *value = pci_read32(at, data) & 0xffffffff >> (32 - 8 * bytes);
    return true;
}

bool virtio_write(struct pci_address at, enum virtio_registers which, unsigned offset, unsigned bytes, uint32_t value)
{
    unsigned data = aim(at, which, offset, bytes);
    if (!data)
        return false;
    pci_write32(at, data, value);
    return true;
}

bool virtio_config32(struct pci_address at, unsigned offset, uint32_t *value)
{
    return virtio_read(at, VIRTIO_DEVICE, offset, sizeof *value, value);
}

uint32_t virtio_notify_step(struct pci_address at)
{
    unsigned notify = find_virtio(at, VIRTIO_NOTIFY);
    return notify ? pci_read32(at, notify + NOTIFY_STEP) : 0;
}
