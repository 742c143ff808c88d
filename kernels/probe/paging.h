/* The identity map. boot.S maps the first 4 GiB; the rest is mapped when something is known to lie there. */
#ifndef PAGING_H
#define PAGING_H

#include <stdint.h>

/* Makes [address, address + bytes) readable and writable. NULL if the CPU cannot address it or tables ran out. */
void *map(uint64_t address, uint64_t bytes);

#endif
