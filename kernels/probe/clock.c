#include "clock.h"

#include "cpu.h"

enum { PIT_CHANNEL2 = 0x42, PIT_COMMAND = 0x43, SPEAKER = 0x61, PIT_HZ = 1193182, LONGEST_MS = 50 };

uint64_t clock_deadline(uint32_t ms)
{
    return read_tsc() + ms * 4000000ull;
}

bool clock_passed(uint64_t deadline)
{
    return (int64_t)(read_tsc() - deadline) >= 0;
}

/* One shot of channel 2, whose output can be read back at bit 5 of the speaker port. */
static void pause_once(uint32_t ms)
{
    uint32_t count = PIT_HZ * ms / 1000;
    uint64_t bound = clock_deadline(ms * 20);
    out8(SPEAKER, (uint8_t)((in8(SPEAKER) & ~0x02) | 0x01)); /* gate on, speaker off */
    out8(PIT_COMMAND, 0xb0);                                 /* channel 2, low byte then high, mode 0 */
    out8(PIT_CHANNEL2, (uint8_t)count);
    out8(PIT_CHANNEL2, (uint8_t)(count >> 8));
    while (!(in8(SPEAKER) & 0x20) && !clock_passed(bound))
        cpu_relax();
}

void clock_pause(uint32_t ms)
{
    for (; ms > LONGEST_MS; ms -= LONGEST_MS)
        pause_once(LONGEST_MS);
    if (ms)
        pause_once(ms);
}
