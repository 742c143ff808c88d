/* The registers of a virtio device (virtio 1.2, 4.1.4), by the window in configuration space. */
#ifndef VIRTIO_H
#define VIRTIO_H

#include "pci.h"

enum virtio_registers { VIRTIO_COMMON = 1, VIRTIO_NOTIFY = 2, VIRTIO_DEVICE = 4 };

/* Read and write 1, 2 or 4 bytes; false where the function has none such. */
bool virtio_read(struct pci_address at, enum virtio_registers which, unsigned offset, unsigned bytes, uint32_t *value);
bool virtio_write(struct pci_address at, enum virtio_registers which, unsigned offset, unsigned bytes, uint32_t value);
/* Reads 32 bits of the device's own configuration. */
bool virtio_config32(struct pci_address at, unsigned offset, uint32_t *value);
/* Bytes between the notification registers of two queues. */
uint32_t virtio_notify_step(struct pci_address at);

#endif
