/* Exceptions, the timer interrupt and those of devices; and accesses that may fault without ending the kernel. */
#ifndef IDT_H
#define IDT_H

#include <stdbool.h>
#include <stdint.h>

enum vector {
    VECTOR_BREAKPOINT = 3,
    VECTOR_INVALID_OPCODE = 6,
    VECTOR_PAGE_FAULT = 14,
    VECTOR_TIMER = 32,
    VECTOR_SPURIOUS = 33,
    /* From here on those of devices. */
    VECTOR_DEVICE = 34,
    VECTOR_COUNT = 256,
};

/* As vectors.S pushes it, lowest address first. */
struct interrupt_frame {
    uint64_t rbp, rbx, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

void idt_init(void);
/* For a further CPU, once the table is built. */
void idt_load(void);
/* How often this vector was taken. */
uint32_t idt_count(enum vector vector);
/* The address of the last page fault. */
uint64_t idt_fault_address(void);

/* Each does one access and returns false, instead of ending the kernel, if the CPU faults on it. */
bool guarded_read8(const volatile void *address, uint8_t *value);
bool guarded_write64(volatile void *address, uint64_t value);
bool guarded_invalid_opcode(void);

#endif
