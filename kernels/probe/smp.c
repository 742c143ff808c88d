#include "smp.h"

#include "acpi.h"
#include "apic.h"
#include "boot-layout.h"
#include "clock.h"
#include "cpu.h"
#include "idt.h"
#include "memory.h"
#include "topology.h"

/* Of boot.S: how many CPUs came up the trampoline, the boot processor included. */
extern volatile uint32_t cpu_counter;
extern const uint8_t trampoline_start[], trampoline_end[];

static struct cpu cpus[MAX_CPUS];
static size_t count;
static uint32_t running = 1;

static void add(uint32_t id, uint32_t processor, uint32_t flags)
{
    if (count < MAX_CPUS)
        cpus[count++] = (struct cpu){ .apic_id = id, .processor = processor, .enabled = flags & MADT_ENABLED };
}

static void read_madt(const struct acpi_madt *madt)
{
    const uint8_t *at = (const uint8_t *)(madt + 1), *end = (const uint8_t *)madt + madt->header.length;
    while (at + sizeof(struct acpi_entry8) <= end) {
        const struct acpi_entry8 *entry = (const void *)at;
        const struct madt_local_apic *xapic = (const void *)at;
        const struct madt_local_x2apic *x2apic = (const void *)at;
        /* Id 255 is "no CPU" in entries that firmware keeps for later; QEMU marks those by flags alone. */
        if (entry->type == MADT_LOCAL_APIC && xapic->apic_id != 0xff)
            add(xapic->apic_id, xapic->processor, xapic->flags);
        else if (entry->type == MADT_LOCAL_X2APIC)
            add(x2apic->apic_id, x2apic->processor, x2apic->flags);
        if (entry->length < sizeof *entry)
            return;
        at += entry->length;
    }
}

void smp_init(void)
{
    const struct acpi_madt *madt = (const void *)acpi_find("APIC", 0);
    if (madt)
        read_madt(madt);
    if (!count)
        add(apic_id(), 0, MADT_ENABLED);
}

size_t smp_count(void)
{
    return count;
}

const struct cpu *smp_cpu(size_t index)
{
    return &cpus[index];
}

uint32_t smp_enabled(void)
{
    uint32_t enabled = 0;
    for (size_t i = 0; i < count; i++)
        enabled += cpus[i].enabled;
    return enabled;
}

static void mark_started(uint32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (cpus[i].apic_id == id)
            cpus[i].started = true;
}

/* Where a further CPU arrives, in long mode, on a small stack of its own. */
void smp_cpu_main(uint32_t arrival);
_Noreturn void smp_cpu_main(uint32_t arrival)
{
    (void)arrival;
    idt_load();
    mark_started(topology_own_apic_id());
    __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
    halt_for_ever();
}

static void send_startup_to_missing(uint32_t boot_id)
{
    for (size_t i = 0; i < count; i++)
        if (cpus[i].enabled && !cpus[i].started && cpus[i].apic_id != boot_id)
            apic_send_startup(cpus[i].apic_id, TRAMPOLINE);
}

/* Waits until `wanted` run, or until none has arrived for `ms`. */
static bool wait_for(uint32_t wanted, uint32_t ms)
{
    uint32_t before = 0, now;
    uint64_t deadline = 0;
    while ((now = __atomic_load_n(&running, __ATOMIC_SEQ_CST)) < wanted) {
        if (now != before)
            deadline = clock_deadline(ms);
        else if (clock_passed(deadline))
            return false;
        before = now;
        cpu_relax();
    }
    return true;
}

uint32_t smp_start_all(void)
{
    static uint8_t saved[TRAMPOLINE_BYTES];
    uint32_t boot_id = apic_id(), wanted = smp_enabled();
    mark_started(boot_id);
    if (wanted <= 1)
        return running;
    memcpy(saved, (const void *)TRAMPOLINE, TRAMPOLINE_BYTES);
    memcpy((void *)TRAMPOLINE, trampoline_start, (size_t)(trampoline_end - trampoline_start));
    for (size_t i = 0; i < count; i++)
        if (cpus[i].enabled && cpus[i].apic_id != boot_id)
            apic_send_init(cpus[i].apic_id);
    /* Real CPUs want 10 ms after INIT; those of QEMU none. So first without, then again for those missing. */
    static const uint32_t patience_ms[] = { 100, 1000, 10000 };
    for (unsigned i = 0; i < sizeof patience_ms / sizeof *patience_ms; i++) {
        send_startup_to_missing(boot_id);
        if (wait_for(wanted, patience_ms[i]))
            break;
    }
    memcpy((void *)TRAMPOLINE, saved, TRAMPOLINE_BYTES);
    return __atomic_load_n(&running, __ATOMIC_SEQ_CST);
}
