#include "memory.h"

/* Keeps the compiler from turning a loop below into a call of the very function it is in. */
#define KEEP_LOOP() __asm__ volatile("" : : : "memory")

void *memset(void *to, int value, size_t bytes)
{
    unsigned char *t = to;
    for (; bytes; bytes--) {
        *t++ = (unsigned char)value;
        KEEP_LOOP();
    }
    return to;
}

void *memcpy(void *to, const void *from, size_t bytes)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    for (; bytes; bytes--) {
        *t++ = *f++;
        KEEP_LOOP();
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    if (t <= f)
        return memcpy(to, from, bytes);
    while (bytes--) {
        t[bytes] = f[bytes];
        KEEP_LOOP();
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *x = a, *y = b;
    for (; bytes; bytes--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}
