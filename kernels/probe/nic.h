/* Network cards: the MAC address and the link, as the registers of each model say. Frames: virtio-net.h. */
#ifndef NIC_H
#define NIC_H

#include "pci.h"

/* {"t":"nic",...}, if the function is a card that is known here. */
void nic_report(struct pci_address at);
void nic_json_mac(const char *key, const uint8_t mac[6]);

#endif
