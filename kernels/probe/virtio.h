/* The configuration of a virtio device (virtio 1.2, 4.1.4). */
#ifndef VIRTIO_H
#define VIRTIO_H

#include "pci.h"

/* Reads 32 bits of the device's own configuration; false where the function has none that can be read. */
bool virtio_config32(struct pci_address at, unsigned offset, uint32_t *value);

#endif
