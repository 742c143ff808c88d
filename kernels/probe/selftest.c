/* What a broken accelerator breaks, tried one after the other, each announced before it is tried. */
#include "probe.h"

enum { FRESH = 1 << 20 };

static u8 fresh[FRESH];
static bool announce;

static void stage(const char *name)
{
	if (!announce)
		return;
	json_begin("stage");
	json_text("name", name);
	json_end();
}

/* Memory that nobody touched yet, so that the accelerator has to fault it in under the string instruction. */
static bool clears_memory(void)
{
	memset(fresh, 0x5a, FRESH);
	for (u32 i = 0; i < FRESH; i += 4096)
		if (fresh[i] != 0x5a || fresh[i + 4095] != 0x5a)
			return false;
	return true;
}

static bool takes_breakpoint(void)
{
	u32 before = breakpoints;
	__asm__ volatile("int3");
	return breakpoints == before + 1;
}

static bool takes_page_fault(void)
{
	u64 value;
	return !try_load(AT(const void, 0x700000000000), &value);
}

static bool takes_timer_interrupt(void)
{
	u32 before = timer_interrupts;
	lapic_timer(100000);
	__asm__ volatile("sti");
	for (u64 until = ticks() + 4000000000; timer_interrupts == before && ticks() < until;)
		pause();
	__asm__ volatile("cli");
	return timer_interrupts != before;
}

void selftest(bool announced)
{
	announce = announced;
	stage("long-mode");
	stage("rep-stosb");
	bool stosb = clears_memory();
	stage("exception");
	bool breakpoint = takes_breakpoint();
	bool page_fault = takes_page_fault();
	stage("timer");
	bool timer = takes_timer_interrupt();
	stage("cpus");
	u32 cpus = smp_start();
	json_begin("selftest");
	json_bool("longMode", true);
	json_bool("repStosb", stosb);
	json_bool("exception", breakpoint);
	json_bool("pageFault", page_fault);
	json_bool("timer", timer);
	json_number("cpus", cpus);
	json_number("listed", smp_listed());
	json_end();
	stage("end");
}
