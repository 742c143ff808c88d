/* COM1, the kernel's only output; and the test for which serial ports are there. */
#ifndef SERIAL_H
#define SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void serial_init(void);
/* Adds to the output; a newline or a full buffer sends it. */
void serial_put(char c);
void serial_text(const char *text);
void serial_number(uint64_t value);
void serial_hex(uint64_t value, unsigned digits);
void serial_flush(void);
/* Waits until the last byte has left: QEMU ends at once at a debug exit, and what is in the FIFO then is lost. */
void serial_drain(void);
/* Begins a new line unless the output is at the start of one already. */
void serial_fresh_line(void);
/* Waits for a byte from the other end. */
char serial_get(void);
/* From now on whole chunks go out by `rep outsb`; to be called once the self test passed. */
void serial_trust_string_output(void);
/* {"t":"serial",...} for COM1 to COM4. */
void serial_report(void);

#endif
