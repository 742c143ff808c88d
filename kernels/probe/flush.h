/* Pushing written data out of the CPU's caches towards persistent memory. */
#ifndef FLUSH_H
#define FLUSH_H

#include <stddef.h>
#include <stdint.h>

/* By the best instruction that CPUID offers, then a fence; then a write to `hint`, an NFIT flush hint, unless 0. */
void flush_range(const void *from, size_t bytes, uint64_t hint);

#endif
