#include "exit.h"

#include <stddef.h>

#include "acpi.h"
#include "cpu.h"
#include "serial.h"

enum { DEBUG_EXIT = 0xf4, RESET_CONTROL = 0xcf9, KEYBOARD = 0x64, SLEEP_ENABLE = 1 << 13 };

_Noreturn void exit_with(uint8_t value)
{
    serial_drain();
    out8(DEBUG_EXIT, value);
    if (value == EXIT_SUCCESS)
        power_off();
    halt_for_ever();
}

_Noreturn void panic(const char *text)
{
    serial_fresh_line();
    serial_text("PANIC: ");
    serial_text(text);
    serial_put('\n');
    exit_with(EXIT_PANIC);
}

/*
 * The sleep type of S5, from `Name (_S5_, Package () { type, ... })` in the DSDT's byte code: NameOp, name,
 * PackageOp, a length of 1 to 4 bytes, the element count, then a ByteConst or ZeroOp/OneOp. QEMU's is 0.
 */
static uint16_t sleep_type_of_s5(const struct acpi_header *dsdt)
{
    const uint8_t *at = (const uint8_t *)(dsdt + 1), *end = (const uint8_t *)dsdt + (dsdt ? dsdt->length : 0);
    for (; dsdt && at + 12 <= end; at++) {
        if (at[0] != '_' || at[1] != 'S' || at[2] != '5' || at[3] != '_' || at[4] != 0x12)
            continue;
        const uint8_t *value = at + 5 + 1 + (at[5] >> 6) + 1;
        if (value[0] == 0x0a)
            value++;
        return value < end ? *value & 7 : 0;
    }
    return 0;
}

void power_off(void)
{
    const struct acpi_fadt *fadt = (const void *)acpi_find("FACP", 0);
    if (!fadt)
        return;
    uint16_t value = (uint16_t)(sleep_type_of_s5(acpi_at(fadt->dsdt)) << 10 | SLEEP_ENABLE);
    if (fadt->pm1a_control)
        out16((uint16_t)fadt->pm1a_control, value);
    if (fadt->pm1b_control)
        out16((uint16_t)fadt->pm1b_control, value);
}

_Noreturn void reboot(void)
{
    serial_flush();
    out8(RESET_CONTROL, 0x02);
    out8(RESET_CONTROL, 0x06);
    for (unsigned tries = 0; tries < 0x10000 && (in8(KEYBOARD) & 2); tries++)
        cpu_relax();
    out8(KEYBOARD, 0xfe);
    triple_fault();
}

_Noreturn void triple_fault(void)
{
    static const uint8_t empty_table[10];
    serial_flush();
    __asm__ volatile("lidt %0\n\tint3" : : "m"(empty_table));
    halt_for_ever();
}
