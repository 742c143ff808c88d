/* 16550 serial ports. The transmit FIFO is filled sixteen bytes at a time, so a full host pipe loses nothing. */
#include "probe.h"

enum { DATA = 0, INTERRUPTS = 1, FIFO = 2, LINE = 3, MODEM = 4, STATUS = 5, SCRATCH = 7 };

static u16 console;

bool serial_present(u16 port)
{
	out8(port + SCRATCH, 0x5a);
	if (in8(port + SCRATCH) != 0x5a)
		return false;
	out8(port + SCRATCH, 0xa5);
	return in8(port + SCRATCH) == 0xa5;
}

void serial_init(u16 port)
{
	console = port;
	out8(port + INTERRUPTS, 0);
	out8(port + LINE, 0x03);
	out8(port + FIFO, 0x07);
	out8(port + MODEM, 0x03);
}

void serial_write(const char *bytes, size_t length)
{
	while (length > 0) {
		while (!(in8(console + STATUS) & 0x20))
			pause();
		size_t n = length < 16 ? length : 16;
		length -= n;
		__asm__ volatile("rep outsb" : "+S"(bytes), "+c"(n) : "d"(console) : "memory");
	}
}

bool serial_read(char *byte)
{
	if (!(in8(console + STATUS) & 0x01))
		return false;
	*byte = (char)in8(console + DATA);
	return true;
}

void print(const char *text) { serial_write(text, strlen(text)); }

void print_number(u64 value)
{
	char digits[20];
	int at = 20;
	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	serial_write(digits + at, (size_t)(20 - at));
}
