/* Every way in which this kernel ends. */
#ifndef EXIT_H
#define EXIT_H

#include <stdint.h>

/* Written to isa-debug-exit; QEMU ends with (value << 1) | 1. README.md has the table. */
enum exit_value {
    EXIT_PANIC = 2,
    EXIT_SELFTEST_FAILED = 3,
    EXIT_STORE_MISMATCH = 4,
    EXIT_PEER_FAILED = 5,
    EXIT_EXCEPTION = 6,
    EXIT_NO_LONG_MODE = 7, /* of protected.S */
    EXIT_SUCCESS = 0x10,
};

/*
 * Ends by isa-debug-exit. Where there is none: powers off if the value is EXIT_SUCCESS, and halts otherwise,
 * because powering off reads as an orderly end.
 */
_Noreturn void exit_with(uint8_t value);
/* Prints "PANIC: text" and ends with EXIT_PANIC. */
_Noreturn void panic(const char *text);
/* ACPI S5. Returns if the machine goes on. */
void power_off(void);
_Noreturn void reboot(void);
_Noreturn void triple_fault(void);

#endif
