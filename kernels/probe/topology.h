/* What CPUID tells: the model, and how an APIC id splits into socket, core and thread. */
#ifndef TOPOLOGY_H
#define TOPOLOGY_H

#include <stdint.h>

/* The APIC id of the CPU that runs this, all its 32 bits. */
uint32_t topology_own_apic_id(void);
/* {"t":"cpu-model",...} */
void topology_report_model(void);
/* Finds the widths for topology_split. */
void topology_init(void);

struct topology {
    uint32_t socket, core, thread;
};

struct topology topology_split(uint32_t apic_id);

#endif
