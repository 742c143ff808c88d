/* The local APIC, in its memory-mapped form or, where firmware switched it over, as x2APIC registers. */
#ifndef APIC_H
#define APIC_H

#include <stdint.h>

void apic_init(void);
uint32_t apic_id(void);
void apic_end_of_interrupt(void);
/* Raises `vector` once, after `count` ticks of the timer's clock. */
void apic_timer_once(uint8_t vector, uint32_t count);
void apic_send_init(uint32_t id);
/* Starts a waiting CPU in real mode at `address`, a page below 1 MiB. */
void apic_send_startup(uint32_t id, uint32_t address);

#endif
