/* Starts every CPU that the MADT lists (ACPI 6.4, 5.2.12) by INIT and start-up IPIs (Intel SDM 3A, 9.4). */
#include "probe.h"

enum { LAPIC = 0xfee00000, TRAMPOLINE = 0x8000, MOST = 256 };

extern const char trampoline[], trampoline_end[];
static volatile u32 arrived;
static volatile u8 online[MOST];
static u32 thread_bits, socket_bits;

static void lapic_write(u32 offset, u32 value) { *AT(volatile u32, LAPIC + offset) = value; }

void ap_main(void)
{
	idt_load();
	online[cpuid(1, 0).ebx >> 24] = 1;
	__atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
	for (;;)
		__asm__ volatile("cli; hlt");
}

struct listed { u32 apic_id, processor; bool enabled; };

/* The CPU that the entry at `at` describes; false at the end of the table. */
static bool next_cpu(const struct acpi_header *madt, u32 *at, struct listed *cpu)
{
	while (madt && *at + 2 <= madt->length) {
		const u8 *e = (const u8 *)madt + *at;
		if (e[1] == 0)
			return false;
		*at += e[1];
		if (e[0] == 0 && e[3] != 0xff) {
			*cpu = (struct listed){ e[3], e[2], e[4] & 1 };
			return true;
		}
		if (e[0] == 9) {
			u32 words[3];
			memcpy(words, e + 4, sizeof words);
			*cpu = (struct listed){ words[0], words[2], words[1] & 1 };
			return true;
		}
	}
	return false;
}

u32 smp_listed(void)
{
	const struct acpi_header *madt = acpi_table("APIC");
	struct listed cpu;
	u32 count = 0;
	for (u32 at = 44; next_cpu(madt, &at, &cpu);)
		count += cpu.enabled;
	return count ? count : 1;
}

/* The timer of this CPU's local APIC, once, on vector 64. */
void lapic_timer(u32 count)
{
	lapic_write(0xf0, 0x1ff);
	lapic_write(0x320, 64);
	lapic_write(0x3e0, 0x3);
	lapic_write(0x380, count);
}

u32 smp_start(void)
{
	u32 expected = smp_listed() - 1;
	online[cpuid(1, 0).ebx >> 24] = 1;
	if (expected == 0)
		return 1;
	memcpy(AT(void, TRAMPOLINE), trampoline, (size_t)(trampoline_end - trampoline));
	lapic_write(0xf0, 0x1ff);
	/* To all but self: INIT, then the start-up vector, twice as the manual wants it. */
	lapic_write(0x300, 0x000c4500);
	for (u64 until = ticks() + 100000; ticks() < until;)
		pause();
	for (int i = 0; i < 2 && arrived < expected; i++) {
		lapic_write(0x300, 0x000c4600 | TRAMPOLINE >> 12);
		for (u64 until = ticks() + (i ? 20000000000 : 2000000000); arrived < expected && ticks() < until;)
			pause();
	}
	return arrived + 1;
}

static u32 bits_for(u32 count)
{
	u32 bits = 0;
	while (1u << bits < count)
		bits++;
	return bits;
}

/* How the APIC id is split: leaf 0x1f or 0xb (Intel SDM 3A, 9.9), else AMD's 0x80000008, else one core a socket. */
static void topology(void)
{
	u32 leaf = cpuid(0, 0).eax >= 0x1f && cpuid(0x1f, 0).ebx ? 0x1f : cpuid(0, 0).eax >= 0xb && cpuid(0xb, 0).ebx ? 0xb : 0;
	if (!leaf) {
		socket_bits = cpuid(0x80000000, 0).eax >= 0x80000008 ? bits_for((cpuid(0x80000008, 0).ecx & 0xff) + 1) : bits_for((cpuid(1, 0).ebx >> 16) & 0xff);
		return;
	}
	for (u32 level = 0;; level++) {
		struct cpuid c = cpuid(leaf, level);
		u32 type = (c.ecx >> 8) & 0xff;
		if (type == 0)
			return;
		if (type == 1)
			thread_bits = c.eax & 31;
		socket_bits = c.eax & 31;
	}
}

static void report_model(void)
{
	struct cpuid c = cpuid(0, 0), one = cpuid(1, 0);
	u32 vendor[4] = { c.ebx, c.edx, c.ecx, 0 }, brand[13] = { 0 }, hypervisor[4] = { 0 };
	for (u32 i = 0; cpuid(0x80000000, 0).eax >= 0x80000004 && i < 3; i++) {
		struct cpuid b = cpuid(0x80000002 + i, 0);
		memcpy(brand + 4 * i, &b, 16);
	}
	if (one.ecx >> 31) {
		struct cpuid h = cpuid(0x40000000, 0);
		hypervisor[0] = h.ebx, hypervisor[1] = h.ecx, hypervisor[2] = h.edx;
	}
	json_begin("cpu-model");
	json_text("vendor", (const char *)vendor);
	json_text("brand", (const char *)brand);
	json_number("family", ((one.eax >> 8) & 15) + ((one.eax >> 20) & 0xff));
	json_number("model", ((one.eax >> 4) & 15) | ((one.eax >> 12) & 0xf0));
	json_text("hypervisor", (const char *)hypervisor);
	json_end();
}

void report_cpus(void)
{
	const struct acpi_header *madt = acpi_table("APIC");
	struct listed cpu;
	topology();
	report_model();
	for (u32 at = 44; next_cpu(madt, &at, &cpu);) {
		int node = node_of_cpu(cpu.apic_id);
		u32 id = cpu.apic_id;
		json_begin("cpu");
		json_number("apicId", id);
		json_number("processor", cpu.processor);
		if (node < 0)
			json_null("node");
		else
			json_number("node", (u64)node);
		json_number("socket", id >> socket_bits);
		json_number("core", (id & ((1u << socket_bits) - 1)) >> thread_bits);
		json_number("thread", id & ((1u << thread_bits) - 1));
		json_bool("online", id < MOST && online[id]);
		json_bool("hotplug", !cpu.enabled);
		json_end();
	}
}
