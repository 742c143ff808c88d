/* Maps physical memory above 4 GiB one to one, a GiB at a time, when something there has to be looked at. */
#include "probe.h"

enum { POOL = 128 };

extern u64 page_map[512];
static u64 pool[POOL][512] __attribute__((aligned(4096)));
static u32 used;

static u64 *below(u64 *table, u64 index)
{
	if (!table[index]) {
		if (used == POOL) {
			print("PANIC: no page tables left\n");
			leave(2);
		}
		table[index] = (u64)pool[used++] | 3;
	}
	return (u64 *)(table[index] & 0x000ffffffffff000);
}

void map(u64 physical, u64 bytes)
{
	for (u64 at = physical >> 30; at <= (physical + bytes - 1) >> 30; at++) {
		u64 *pointers = below(page_map, at >> 9);
		bool fresh = !pointers[at & 511];
		u64 *directory = below(pointers, at & 511);
		for (u64 i = 0; fresh && i < 512; i++)
			directory[i] = (at << 30) | (i << 21) | 0x83;
	}
}
