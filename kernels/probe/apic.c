#include "apic.h"

#include <stdbool.h>

#include "cpu.h"
#include "idt.h"

/* Intel SDM volume 3, table 11-1: offsets in the register page; divided by 16, the x2APIC register numbers. */
enum {
    ID = 0x20,
    END_OF_INTERRUPT = 0xb0,
    SPURIOUS = 0xf0,
    COMMAND_LOW = 0x300,
    COMMAND_HIGH = 0x310,
    TIMER = 0x320,
    TIMER_INITIAL = 0x380,
    TIMER_DIVIDE = 0x3e0,
};
enum { APIC_BASE_MSR = 0x1b, X2APIC_MSRS = 0x800, MODE_X2APIC = 1 << 10, MODE_ENABLED = 1 << 11 };
enum { DELIVERY_PENDING = 1 << 12, SEND_INIT = 0x4500, SEND_STARTUP = 0x4600 };

static volatile uint32_t *registers;
static bool x2apic;

static void write(unsigned offset, uint32_t value)
{
    if (x2apic)
        write_msr(X2APIC_MSRS + offset / 16, value);
    else
        registers[offset / 4] = value;
}

static uint32_t read(unsigned offset)
{
    return x2apic ? (uint32_t)read_msr(X2APIC_MSRS + offset / 16) : registers[offset / 4];
}

void apic_init(void)
{
    uint64_t base = read_msr(APIC_BASE_MSR);
    x2apic = base & MODE_X2APIC;
    registers = (volatile uint32_t *)(base & 0xffffff000);
    if (!(base & MODE_ENABLED))
        write_msr(APIC_BASE_MSR, base | MODE_ENABLED);
    write(SPURIOUS, 0x100 | VECTOR_SPURIOUS);
}

uint32_t apic_id(void)
{
    return x2apic ? read(ID) : read(ID) >> 24;
}

void apic_end_of_interrupt(void)
{
    write(END_OF_INTERRUPT, 0);
}

void apic_timer_once(uint8_t vector, uint32_t count)
{
    write(TIMER_DIVIDE, 0x0b); /* by 1 */
    write(TIMER, vector);
    write(TIMER_INITIAL, count);
}

static void send(uint32_t id, uint32_t command)
{
    if (x2apic) {
        write_msr(X2APIC_MSRS + COMMAND_LOW / 16, (uint64_t)id << 32 | command);
        return;
    }
    for (unsigned tries = 0; tries < 100000 && (read(COMMAND_LOW) & DELIVERY_PENDING); tries++)
        cpu_relax();
    write(COMMAND_HIGH, id << 24);
    write(COMMAND_LOW, command);
}

void apic_send_init(uint32_t id)
{
    send(id, SEND_INIT);
}

void apic_send_startup(uint32_t id, uint32_t address)
{
    send(id, SEND_STARTUP | address >> 12);
}
