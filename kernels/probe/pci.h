/* PCI configuration space: every function that can be reached from bus 0. */
#ifndef PCI_H
#define PCI_H

#include <stdbool.h>
#include <stdint.h>

struct pci_address {
    uint8_t bus, device, function;
};

/* Chooses memory-mapped access (MCFG) where it works, else the ports 0xcf8 and 0xcfc. */
void pci_init(void);
uint32_t pci_read32(struct pci_address at, unsigned offset);
uint16_t pci_read16(struct pci_address at, unsigned offset);
uint8_t pci_read8(struct pci_address at, unsigned offset);
/* Some registers take a write of their own width only. */
void pci_write8(struct pci_address at, unsigned offset, uint8_t value);
void pci_write16(struct pci_address at, unsigned offset, uint16_t value);
void pci_write32(struct pci_address at, unsigned offset, uint32_t value);
/* Whether configuration space beyond its first 256 bytes can be read. */
bool pci_reaches_extended(struct pci_address at);
/* "address":"00:1f.2" */
void pci_json_address(struct pci_address at);
/* What a walk does with each function; true ends it. `slot`: number of the slot it sits in, or -1. */
typedef bool pci_visitor(struct pci_address at, int slot, void *context);
/* Visits all functions, in the order of the report; whether a visitor ended it. */
bool pci_walk(pci_visitor *visit, void *context);
/* Finds a function by its ids. */
bool pci_find(uint16_t vendor, uint16_t device, struct pci_address *found);
/* {"t":"pci",...} for each function, followed by a line of its own for memory over virtio and over CXL. */
void pci_report(void);

#endif
