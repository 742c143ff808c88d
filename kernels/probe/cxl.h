/* Compute Express Link: host bridges and windows of the CEDT, and memory behind them. */
#ifndef CXL_H
#define CXL_H

#include "pci.h"

/* {"t":"cxl-host-bridge",...}, {"t":"cxl-window",...}, {"t":"cxl-target",...} for what the CEDT names. */
void cxl_report(void);
/* {"t":"cxl-memory",...}, if the function is CXL memory. */
void cxl_memory_report(struct pci_address at);

#endif
