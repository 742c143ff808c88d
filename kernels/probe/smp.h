/* The CPUs that firmware names, and starting them. */
#ifndef SMP_H
#define SMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu {
    uint32_t apic_id, processor;
    /* Enabled at boot; the others can be plugged in. */
    bool enabled;
    /* Ran this kernel's code. */
    volatile bool started;
};

/* Reads the MADT. Without one there is the boot processor alone. */
void smp_init(void);
size_t smp_count(void);
const struct cpu *smp_cpu(size_t index);
/* CPUs that are enabled, and so must start. */
uint32_t smp_enabled(void);
/* Starts all of them, each waiting CPU for a bounded time; returns how many run, the boot processor included. */
uint32_t smp_start_all(void);

#endif
