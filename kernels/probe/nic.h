/* Network cards: the MAC address and the link, as the registers of each model say. No frame is sent. */
#ifndef NIC_H
#define NIC_H

#include "pci.h"

/* {"t":"nic",...}, if the function is a card that is known here. */
void nic_report(struct pci_address at);

#endif
