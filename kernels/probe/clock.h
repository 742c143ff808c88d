/* Waiting: bounds on what may never come, and pauses of a known length. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A time stamp that lies at least `ms` milliseconds ahead. It counts 4 GHz for a TSC of unknown speed, so a
 * slower one makes the wait longer: good for a bound, not for a pause.
 */
uint64_t clock_deadline(uint32_t ms);
bool clock_passed(uint64_t deadline);
/* Waits by the interval timer (PIT, channel 2). */
void clock_pause(uint32_t ms);

#endif
