/* The four functions that a compiler may call by itself, even freestanding. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>

void *memset(void *to, int value, size_t bytes);
void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif
