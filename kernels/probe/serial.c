#include "serial.h"

#include "boot-layout.h"
#include "cpu.h"
#include "json.h"

enum {
    DATA = 0,
    INTERRUPT_ENABLE = 1,
    FIFO_CONTROL = 2,
    LINE_CONTROL = 3,
    MODEM_CONTROL = 4,
    LINE_STATUS = 5,
    SCRATCH = 7,
};
enum { RECEIVED = 0x01, TRANSMITTER_EMPTY = 0x20, ALL_SENT = 0x40, BROKEN = 0x80 };
/* A 16550 takes this many bytes once its transmitter is empty. */
enum { FIFO_BYTES = 16 };

static char buffer[512];
static size_t used;
static bool string_output;
static char last = '\n';
/* Switching the FIFO on loses what has arrived before: this keeps it. */
static int early = -1;

void serial_init(void)
{
    out8(COM1 + INTERRUPT_ENABLE, 0);
    out8(COM1 + LINE_CONTROL, 0x80);
    out8(COM1 + DATA, 1); /* 115200 baud */
    out8(COM1 + INTERRUPT_ENABLE, 0);
    out8(COM1 + LINE_CONTROL, 0x03); /* 8 bits, no parity */
    if ((in8(COM1 + LINE_STATUS) & (RECEIVED | BROKEN)) == RECEIVED) /* all ones: no port */
        early = in8(COM1 + DATA);
    out8(COM1 + FIFO_CONTROL, 0x01);
    out8(COM1 + MODEM_CONTROL, 0x03);
}

void serial_trust_string_output(void)
{
    string_output = true;
}

void serial_flush(void)
{
    const char *from = buffer;
    while (used) {
        size_t chunk = used < FIFO_BYTES ? used : FIFO_BYTES;
        used -= chunk;
        while (!(in8(COM1 + LINE_STATUS) & TRANSMITTER_EMPTY))
            cpu_relax();
        if (string_output)
            __asm__ volatile("rep outsb" : "+S"(from), "+c"(chunk) : "d"((uint16_t)COM1) : "memory");
        else
            while (chunk--)
                out8(COM1, (uint8_t)*from++);
    }
}

void serial_drain(void)
{
    serial_flush();
    while (!(in8(COM1 + LINE_STATUS) & ALL_SENT))
        cpu_relax();
}

void serial_put(char c)
{
    buffer[used++] = last = c;
    if (c == '\n' || used == sizeof buffer)
        serial_flush();
}

void serial_fresh_line(void)
{
    if (last != '\n')
        serial_put('\n');
}

void serial_text(const char *text)
{
    while (*text)
        serial_put(*text++);
}

void serial_number(uint64_t value)
{
    char digits[20];
    unsigned count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count)
        serial_put(digits[--count]);
}

void serial_hex(uint64_t value, unsigned digits)
{
    while (digits--)
        serial_put("0123456789abcdef"[(value >> (4 * digits)) & 15]);
}

char serial_get(void)
{
    if (early >= 0) {
        char c = (char)early;
        early = -1;
        return c;
    }
    while (!(in8(COM1 + LINE_STATUS) & RECEIVED))
        cpu_relax();
    return (char)in8(COM1 + DATA);
}

/* A port that is not there reads as all ones, whatever was written. */
static bool answers(uint16_t port)
{
    uint8_t before = in8(port + SCRATCH);
    out8(port + SCRATCH, 0x5a);
    bool kept = in8(port + SCRATCH) == 0x5a;
    out8(port + SCRATCH, 0xa5);
    kept = kept && in8(port + SCRATCH) == 0xa5;
    out8(port + SCRATCH, before);
    return kept;
}

void serial_report(void)
{
    static const uint16_t ports[] = { COM1, 0x2f8, 0x3e8, 0x2e8 };
    for (unsigned i = 0; i < sizeof ports / sizeof *ports; i++) {
        json_open("serial");
        json_number("port", i);
        json_number("address", ports[i]);
        json_bool("present", answers(ports[i]));
        json_close();
    }
}
