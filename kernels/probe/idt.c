#include "idt.h"

#include "apic.h"
#include "boot-layout.h"
#include "cpu.h"
#include "exit.h"
#include "serial.h"

/* Intel SDM volume 3, 6.14.1: 64-bit interrupt gate */
struct gate {
    uint16_t offset_low, selector;
    uint8_t stack, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

extern const uint64_t vector_table[VECTOR_COUNT];

static struct gate gates[VECTOR_COUNT];
static volatile uint32_t counts[VECTOR_COUNT];
static volatile uint64_t fault_address;
/* Where to go on after a fault that a guarded access expects; 0 when none is under way. */
static volatile uint64_t resume_at;

void idt_load(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = { sizeof gates - 1, (uint64_t)gates };
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

void idt_init(void)
{
    for (unsigned i = 0; i < VECTOR_COUNT; i++) {
        uint64_t entry = vector_table[i];
        gates[i] = (struct gate){
            .offset_low = (uint16_t)entry,
            .selector = SELECTOR_CODE64,
            .type = 0x8e, /* present, interrupt gate */
            .offset_middle = (uint16_t)(entry >> 16),
            .offset_high = (uint32_t)(entry >> 32),
        };
    }
    /* The legacy interrupt controllers would use vectors of exceptions: all their lines off. */
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    idt_load();
}

uint32_t idt_count(enum vector vector)
{
    return counts[vector];
}

uint64_t idt_fault_address(void)
{
    return fault_address;
}

static const char *exception_name(uint64_t vector)
{
    static const char *const names[] = { "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9",
                                         "#TS", "#NP", "#SS", "#GP", "#PF", "15", "#MF", "#AC", "#MC", "#XM" };
    return vector < sizeof names / sizeof *names ? names[vector] : "other";
}

_Noreturn static void unhandled(const struct interrupt_frame *frame)
{
    serial_fresh_line();
    serial_text("EXCEPTION: ");
    serial_text(exception_name(frame->vector));
    serial_text(" rip=0x");
    serial_hex(frame->rip, 16);
    serial_text(" cr2=0x");
    serial_hex(read_cr2(), 16);
    serial_text(" error=0x");
    serial_hex(frame->error, 4);
    serial_text(" rsp=0x");
    serial_hex(frame->rsp, 16);
    serial_put('\n');
    exit_with(EXIT_EXCEPTION);
}

/* Called by vectors.S. */
void interrupt(struct interrupt_frame *frame);
void interrupt(struct interrupt_frame *frame)
{
    counts[frame->vector]++;
    switch (frame->vector) {
    case VECTOR_BREAKPOINT: return;
    case VECTOR_TIMER: apic_end_of_interrupt(); return;
    case VECTOR_SPURIOUS: return;
    case VECTOR_PAGE_FAULT: fault_address = read_cr2(); break;
    }
    if (frame->vector >= VECTOR_DEVICE) {
        apic_end_of_interrupt();
        return;
    }
    if (!resume_at)
        unhandled(frame);
    frame->rip = resume_at;
    resume_at = 0;
}

/*
 * One instruction that may fault. A fault goes on at label 1, past the instruction that sets `done`.
 * The operands are [done], [resume], [scratch] and what the caller adds.
 */
#define GUARDED(instruction)            \
    "leaq 1f(%%rip), %[scratch]\n\t"    \
    "movq %[scratch], %[resume]\n\t"    \
    instruction "\n\t"                  \
    "movl $1, %[done]\n"                \
    "1:\tmovq $0, %[resume]"
#define GUARDED_OUTPUTS [done] "+m"(done), [resume] "+m"(resume_at), [scratch] "=&r"(scratch)

bool guarded_read8(const volatile void *address, uint8_t *value)
{
    uint32_t done = 0;
    uint64_t scratch;
    uint8_t read = 0;
    __asm__ volatile(GUARDED("movb (%[address]), %[read]")
                     : GUARDED_OUTPUTS, [read] "+q"(read)
                     : [address] "r"(address)
                     : "memory");
    *value = read;
    return done;
}

bool guarded_write64(volatile void *address, uint64_t value)
{
    uint32_t done = 0;
    uint64_t scratch;
    __asm__ volatile(GUARDED("movq %[value], (%[address])")
                     : GUARDED_OUTPUTS
                     : [address] "r"(address), [value] "r"(value)
                     : "memory");
    return done;
}

bool guarded_invalid_opcode(void)
{
    uint32_t done = 0;
    uint64_t scratch;
    __asm__ volatile(GUARDED("ud2") : GUARDED_OUTPUTS : : "memory");
    return done;
}
