/* The Intel 6300ESB watchdog, QEMU's `-device i6300esb`. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdbool.h>

/* Lets it expire in about half a second; false if there is none. */
bool watchdog_start(void);

#endif
