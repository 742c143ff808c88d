#include "selftest.h"

#include <stdint.h>

#include "apic.h"
#include "clock.h"
#include "cpu.h"
#include "idt.h"
#include "json.h"
#include "memmap.h"
#include "smp.h"

enum { FILL_BYTES = 1 << 20, EFER_MSR = 0xc0000080, EFER_LONG_MODE_ACTIVE = 1 << 10 };
/* In the half of the address space that the identity map never uses. */
#define UNMAPPED ((volatile uint8_t *)0xffff900000000000)

static bool long_mode_works(void)
{
    volatile uint64_t wide = 0x123456789;
    wide *= wide;
    return (read_msr(EFER_MSR) & EFER_LONG_MODE_ACTIVE) && wide == 0x123456789ull * 0x123456789ull;
}

/* Memory that nothing has touched: an accelerator must make each page on its first write, inside one instruction. */
static bool rep_stosb_works(void)
{
    uint64_t start = memmap_find_fresh(FILL_BYTES), count = FILL_BYTES, to = start;
    if (!start)
        return false;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0x5a) : "memory");
    if (to != start + FILL_BYTES || count)
        return false;
    for (const uint64_t *at = (const void *)start; at < (const uint64_t *)to; at++)
        if (*at != 0x5a5a5a5a5a5a5a5a)
            return false;
    return true;
}

static bool exception_works(void)
{
    __asm__ volatile("int3" : : : "memory");
    return idt_count(VECTOR_BREAKPOINT) == 1 && !guarded_invalid_opcode() && idt_count(VECTOR_INVALID_OPCODE) == 1;
}

static bool page_fault_works(void)
{
    uint8_t value;
    return !guarded_read8(UNMAPPED, &value) && idt_count(VECTOR_PAGE_FAULT) == 1 &&
           idt_fault_address() == (uint64_t)UNMAPPED;
}

static bool timer_works(void)
{
    uint64_t deadline = clock_deadline(1000);
    interrupts_on();
    apic_timer_once(VECTOR_TIMER, 20000);
    while (!idt_count(VECTOR_TIMER) && !clock_passed(deadline))
        cpu_relax();
    interrupts_off();
    return idt_count(VECTOR_TIMER) == 1;
}

bool selftest_run(void)
{
    bool long_mode = long_mode_works();
    json_stage("rep-stosb");
    bool rep_stosb = rep_stosb_works();
    json_stage("exception");
    bool exception = exception_works();
    bool page_fault = page_fault_works();
    json_stage("timer");
    bool timer = timer_works();
    json_stage("cpu2");
    uint32_t cpus = smp_start_all();

    json_open("selftest");
    json_bool("longMode", long_mode);
    json_bool("repStosb", rep_stosb);
    json_bool("exception", exception);
    json_bool("pageFault", page_fault);
    json_bool("timer", timer);
    json_number("cpus", cpus);
    json_number("cpusExpected", smp_enabled());
    json_close();
    return long_mode && rep_stosb && exception && page_fault && timer && cpus == smp_enabled();
}
