/* What the command line can ask for: every way in which a guest can end, on purpose. README.md has the table. */
#include "probe.h"

void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* isa-debug-exit ends QEMU here; without it, power off; without ACPI, halt. */
void leave(u8 code)
{
	out8(0xf4, code);
	acpi_power_off();
	halt();
}

static void triple_fault(void)
{
	struct { u16 limit; u64 base; } __attribute__((packed)) nothing = { 0, 0 };
	__asm__ volatile("lidt %0; int3" : : "m"(nothing));
}

static void reboot(void)
{
	out8(0xcf9, 0x02);
	out8(0xcf9, 0x06);
	halt();
}

static void flood(u64 bytes)
{
	static char line[] = "flood 00000000 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789\n";
	u64 width = sizeof line - 1;
	for (u64 n = 0; n * width < bytes; n++) {
		u64 digits = n;
		for (int i = 13; i >= 6; i--, digits /= 10)
			line[i] = (char)('0' + digits % 10);
		serial_write(line, width);
	}
	print("flood done\n");
}

/* Echoes lines until one says "quit". */
static void echo(void)
{
	static char line[1024];
	print("echo ready\n");
	for (size_t used = 0;;) {
		char c;
		if (!serial_read(&c)) {
			pause();
			continue;
		}
		if (c == '\r')
			c = '\n';
		if (used < sizeof line)
			line[used++] = c;
		if (c != '\n')
			continue;
		if (used == 5 && memcmp(line, "quit", 4) == 0)
			return;
		print("echo: ");
		serial_write(line, used);
		used = 0;
	}
}

/* i6300esb (Intel 6300ESB ICH, 18.1): unlock, shortest preload, enable; then never pet it. */
static void watchdog(void)
{
	u32 at;
	if (!pci_find(0x8086, 0x25ab, &at)) {
		print("PANIC: no i6300esb watchdog\n");
		leave(2);
	}
	u32 base = pci_read(at, 0x10) & ~15u;
	if (!base) {
		base = 0xfea00000;
		pci_write(at, 0x10, base);
	}
	pci_write(at, 0x04, pci_read(at, 0x04) | 2);
	volatile u32 *registers = AT(volatile u32, base);
	for (int i = 0; i < 2; i++) {
		registers[3] = 0x80;
		registers[3] = 0x86;
		registers[i] = 0x400;
	}
	pci_write(at, 0x68, pci_read(at, 0x68) | 2);
	for (;;)
		pause();
}

static void delay(u64 milliseconds)
{
	/* The PIT's channel 2, a millisecond at a time (8254, 1193182 Hz). */
	for (u64 i = 0; i < milliseconds; i++) {
		out8(0x61, (in8(0x61) & 0xfc) | 1);
		out8(0x43, 0xb0);
		out8(0x42, 1193 & 255);
		out8(0x42, 1193 >> 8);
		while (!(in8(0x61) & 0x20))
			pause();
	}
}

void run_modes_before_report(void)
{
	const char *value;
	if (word("triple-fault"))
		triple_fault();
	if (word("fault"))
		*AT(volatile u64, 0x700000000000) = 1;
	if ((value = word("panic")) || (value = word("panic-hang"))) {
		print("PANIC: ");
		print(*value ? value : "asked for");
		print("\n");
		if (word("panic-hang"))
			halt();
		leave(2);
	}
}

void run_modes_after_report(void)
{
	const char *value;
	if ((value = word("delay")))
		delay(number(value));
	if ((value = word("flood")))
		flood(number(value));
	if (word("echo"))
		echo();
	if (word("ready-hang")) {
		print("{\"t\":\"ready\"}\n");
		halt();
	}
	if (word("watchdog"))
		watchdog();
	if (word("hang"))
		halt();
	if (word("spin"))
		for (;;)
			pause();
	if (word("reboot") || (word("reboot-once") && highest_boot_count() == 1))
		reboot();
	if (word("poweroff")) {
		acpi_power_off();
		halt();
	}
}
