/* Interrupts: faults that are expected are answered, others are told and end the run. */
#include "probe.h"

struct frame { u64 registers[15], vector, error, rip, cs, rflags, rsp, ss; };
struct gate { u16 low, selector; u8 stack, type; u16 middle; u32 high, reserved; } __attribute__((packed));

extern const char interrupt_stubs[], try_load_at[], try_store_at[], try_failed[];
volatile u32 timer_interrupts, breakpoints;
static struct gate gates[256];

enum { BREAKPOINT = 3, PAGE_FAULT = 14, TIMER = 64 };

void on_interrupt(struct frame *frame)
{
	if (frame->vector == BREAKPOINT) {
		breakpoints++;
		return;
	}
	if (frame->vector == TIMER) {
		timer_interrupts++;
		*AT(volatile u32, 0xfee000b0) = 0;
		return;
	}
	if (frame->rip == (u64)try_load_at || frame->rip == (u64)try_store_at) {
		frame->rip = (u64)try_failed;
		return;
	}
	u64 address;
	__asm__ volatile("movq %%cr2, %0" : "=r"(address));
	print("EXCEPTION: ");
	if (frame->vector == PAGE_FAULT)
		print("#PF");
	else
		print_number(frame->vector);
	print(" rip=");
	print_number(frame->rip);
	print(" cr2=");
	print_number(address);
	print("\n");
	leave(6);
}

void idt_load(void)
{
	struct { u16 limit; u64 base; } __attribute__((packed)) pointer = { sizeof gates - 1, (u64)gates };
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void idt_init(void)
{
	for (u32 i = 0; i <= TIMER; i++) {
		u64 at = (u64)interrupt_stubs + 16 * i;
		gates[i] = (struct gate){ (u16)at, 0x18, 0, 0x8e, (u16)(at >> 16), (u32)(at >> 32), 0 };
	}
	idt_load();
}
