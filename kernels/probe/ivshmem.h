/* Memory shared with other guests (QEMU, docs/specs/ivshmem-spec): what it is, and a meeting with the peers. */
#ifndef IVSHMEM_H
#define IVSHMEM_H

#include <stdbool.h>

#include "pci.h"

/* {"t":"ivshmem",...}, if the function is one. */
void ivshmem_report(struct pci_address at);
/*
 * Meets that many peers, this guest among them, in the first shared memory: each writes a pattern that all others read,
 * then each rings each other one by each vector. README.md has the protocol. False if something was not as it should be.
 */
bool ivshmem_meet(unsigned peers);

#endif
