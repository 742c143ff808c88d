#include "watchdog.h"

#include <stddef.h>

#include "cpu.h"
#include "paging.h"
#include "pci.h"

/* Intel 6300ESB I/O Controller Hub datasheet, chapter 16 */
enum { COMMAND = 0x04, BAR = 0x10, CONFIG = 0x60, LOCK = 0x68, MEMORY_SPACE = 2, LOCK_ENABLE = 2 };
enum { TIMER1 = 0x00, TIMER2 = 0x04, RELOAD = 0x0c, RELOAD_NOW = 0x100 };
/* In the PCI hole of both of QEMU's PC machines, for firmware that assigns no addresses. */
enum { SPARE_ADDRESS = 0xfea00000, STAGE_TICKS = 0xff };

/* Each write to a timer, or to the reload register itself, must follow this pair. */
static void unlock(volatile uint8_t *registers)
{
    *(volatile uint16_t *)(registers + RELOAD) = 0x80;
    *(volatile uint16_t *)(registers + RELOAD) = 0x86;
}

bool watchdog_start(void)
{
    struct pci_address at;
    if (!pci_find(0x8086, 0x25ab, &at))
        return false;
    uint32_t bar = pci_read32(at, BAR) & ~15u;
    if (!bar)
        pci_write32(at, BAR, bar = SPARE_ADDRESS);
    pci_write16(at, COMMAND, pci_read16(at, COMMAND) | MEMORY_SPACE);
    volatile uint8_t *registers = map(bar, 16);
    if (!registers)
        return false;
    /* Reset when it expires (bit 5 clear), ticks of about a millisecond, no interrupt after the first stage. */
    pci_write16(at, CONFIG, 0x0003);
    unlock(registers);
    *(volatile uint32_t *)(registers + TIMER1) = STAGE_TICKS;
    unlock(registers);
    *(volatile uint32_t *)(registers + TIMER2) = STAGE_TICKS;
    unlock(registers);
    *(volatile uint16_t *)(registers + RELOAD) = RELOAD_NOW;
    pci_write8(at, LOCK, LOCK_ENABLE);
    return true;
}
