/* Persistent memory over virtio (virtio 1.2, 5.19): where it says that its memory lies. */
#ifndef VIRTIO_PMEM_H
#define VIRTIO_PMEM_H

#include "pci.h"

/* {"t":"virtio-pmem",...}, if the function is one. */
void virtio_pmem_report(struct pci_address at);

#endif
