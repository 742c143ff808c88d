/* Numbers that the assembly and the C code must agree on. */
#ifndef BOOT_LAYOUT_H
#define BOOT_LAYOUT_H

/* Start-up page of every CPU: below 1 MiB because a CPU starts in real mode. Its old content is put back. */
#define TRAMPOLINE 0x8000
#define TRAMPOLINE_BYTES 0x1000

#define MAX_CPUS 512
/* The other CPUs run one short function and halt. */
#define CPU_STACK_BYTES 1024
#define BOOT_STACK_BYTES 16384

#define BOOT_BY_PVH 1
#define BOOT_BY_MULTIBOOT 2
#define BOOT_BY_EFI 3

#define SELECTOR_CODE64 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_CODE32 0x18
#define SELECTOR_CODE16 0x20
#define SELECTOR_DATA16 0x28

#define COM1 0x3f8

#endif
