#include "watchdog.h"

#include <stddef.h>

#include "cpu.h"
#include "paging.h"
#include "pci.h"

/* Intel 6300ESB I/O Controller Hub datasheet, chapter 16 */
enum { COMMAND = 0x04, BAR = 0x10, CONFIG = 0x60, LOCK = 0x68, MEMORY_SPACE = 2, LOCK_ENABLE = 2 };
enum { TIMER1 = 0x00, TIMER2 = 0x04, RELOAD = 0x0c };
/* In the PCI hole of both of QEMU's PC machines, for firmware that assigns no addresses. */
enum { SPARE_ADDRESS = 0xfea00000, STAGE_TICKS = 0xff };

static void write_unlocked(volatile uint8_t *registers, unsigned offset, uint32_t value)
{
    *(volatile uint16_t *)(registers + RELOAD) = 0x80;
    *(volatile uint16_t *)(registers + RELOAD) = 0x86;
    *(volatile uint32_t *)(registers + offset) = value;
}

bool watchdog_start(void)
{
    struct pci_address at;
    if (!pci_find(0x8086, 0x25ab, &at))
        return false;
    uint32_t bar = pci_read32(at, BAR) & ~15u;
    if (!bar)
        pci_write32(at, BAR, bar = SPARE_ADDRESS);
    pci_write32(at, COMMAND, (pci_read32(at, COMMAND) & 0xffff) | MEMORY_SPACE);
    volatile uint8_t *registers = map(bar, 16);
    if (!registers)
        return false;
    /* Reset when it expires (bit 5 clear), ticks of about a millisecond, no interrupt after the first stage. */
    pci_write32(at, CONFIG, (pci_read32(at, CONFIG) & 0xffff0000) | 0x0003);
    write_unlocked(registers, TIMER1, STAGE_TICKS);
    write_unlocked(registers, TIMER2, STAGE_TICKS);
    write_unlocked(registers, RELOAD, 0x100);
    pci_write32(at, LOCK, (pci_read32(at, LOCK) & 0xffffff00) | LOCK_ENABLE);
    return true;
}
