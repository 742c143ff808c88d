#include "flush.h"

#include "cpu.h"

enum { CLFLUSH = 1 << 19 /* leaf 1, edx */, CLFLUSHOPT = 1 << 23, CLWB = 1 << 24 /* leaf 7, ebx */ };

enum method { METHOD_UNKNOWN, METHOD_NONE, METHOD_CLFLUSH, METHOD_CLFLUSHOPT, METHOD_CLWB };

static enum method choose(void)
{
    uint32_t extended = cpuid(0, 0).eax >= 7 ? cpuid(7, 0).ebx : 0;
    if (extended & CLWB)
        return METHOD_CLWB;
    if (extended & CLFLUSHOPT)
        return METHOD_CLFLUSHOPT;
    return cpuid(1, 0).edx & CLFLUSH ? METHOD_CLFLUSH : METHOD_NONE;
}

static void flush_line(enum method method, const char *line)
{
    if (method == METHOD_CLWB)
        __asm__ volatile("clwb (%0)" : : "r"(line) : "memory");
    else if (method == METHOD_CLFLUSHOPT)
        __asm__ volatile("clflushopt (%0)" : : "r"(line) : "memory");
    else if (method == METHOD_CLFLUSH)
        __asm__ volatile("clflush (%0)" : : "r"(line) : "memory");
}

void flush_range(const void *from, size_t bytes, uint64_t hint)
{
    static enum method method;
    if (method == METHOD_UNKNOWN)
        method = choose();
    size_t line_bytes = (cpuid(1, 0).ebx >> 8 & 0xff) * 8;
    if (!line_bytes)
        line_bytes = 64;
    const char *line = (const char *)((uintptr_t)from & ~(line_bytes - 1));
    for (; line < (const char *)from + bytes; line += line_bytes)
        flush_line(method, line);
    __asm__ volatile("sfence" : : : "memory");
    if (!hint)
        return;
    *(volatile uint64_t *)hint = 1;
    __asm__ volatile("sfence" : : : "memory");
}
