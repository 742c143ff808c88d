#include "numa.h"

#include <stdbool.h>
#include <stddef.h>

#include "acpi.h"
#include "json.h"
#include "memmap.h"
#include "smp.h"
#include "topology.h"

enum { MAX_NODES = 256 };

struct node {
    uint32_t domain;
    uint32_t cpus;
    uint64_t bytes;
};

static struct node nodes[MAX_NODES];
static size_t node_count;

/* Calls `visit` with each entry of the SRAT; returns whether there is an SRAT. */
static bool each_srat_entry(void (*visit)(const struct acpi_entry8 *, void *), void *context)
{
    const struct acpi_srat *srat = (const void *)acpi_find("SRAT", 0);
    if (!srat)
        return false;
    const uint8_t *at = (const uint8_t *)(srat + 1), *end = (const uint8_t *)srat + srat->header.length;
    while (at + sizeof(struct acpi_entry8) <= end) {
        const struct acpi_entry8 *entry = (const void *)at;
        visit(entry, context);
        if (entry->length < sizeof *entry)
            break;
        at += entry->length;
    }
    return true;
}

/* Reads a CPU's entry of either form. */
static bool as_cpu(const struct acpi_entry8 *entry, uint32_t *apic_id, uint32_t *domain, uint32_t *flags)
{
    const struct srat_local_apic *xapic = (const void *)entry;
    const struct srat_local_x2apic *x2apic = (const void *)entry;
    switch (entry->type) {
    case SRAT_LOCAL_APIC:
        *apic_id = xapic->apic_id;
        *domain = xapic->domain_low | (uint32_t)xapic->domain_high[0] << 8 | (uint32_t)xapic->domain_high[1] << 16 |
                  (uint32_t)xapic->domain_high[2] << 24;
        *flags = xapic->flags;
        return true;
    case SRAT_LOCAL_X2APIC:
        *apic_id = x2apic->apic_id;
        *domain = x2apic->domain;
        *flags = x2apic->flags;
        return true;
    default:
        return false;
    }
}

struct cpu_search {
    uint32_t apic_id, domain;
    bool found;
};

static void match_cpu(const struct acpi_entry8 *entry, void *context)
{
    struct cpu_search *search = context;
    uint32_t apic_id, domain, flags;
    if (as_cpu(entry, &apic_id, &domain, &flags) && (flags & SRAT_ENABLED) && apic_id == search->apic_id) {
        search->domain = domain;
        search->found = true;
    }
}

static struct cpu_search domain_of_cpu(uint32_t apic_id)
{
    struct cpu_search search = { .apic_id = apic_id };
    each_srat_entry(match_cpu, &search);
    return search;
}

void numa_report_cpus(void)
{
    for (size_t i = 0; i < smp_count(); i++) {
        const struct cpu *cpu = smp_cpu(i);
        struct cpu_search node = domain_of_cpu(cpu->apic_id);
        struct topology place = topology_split(cpu->apic_id);
        json_open("cpu");
        json_number("apicId", cpu->apic_id);
        json_number("processor", cpu->processor);
        if (node.found)
            json_number("node", node.domain);
        else
            json_null("node");
        json_number("socket", place.socket);
        json_number("core", place.core);
        json_number("thread", place.thread);
        json_bool("online", cpu->started);
        json_bool("hotplug", !cpu->enabled);
        json_close();
    }
}

/* The node of this domain, made if it is new. */
static struct node *node_of(uint32_t domain)
{
    static struct node overflow;
    for (size_t i = 0; i < node_count; i++)
        if (nodes[i].domain == domain)
            return &nodes[i];
    if (node_count == MAX_NODES)
        return &overflow;
    nodes[node_count].domain = domain;
    return &nodes[node_count++];
}

static void report_memory(const struct srat_memory *memory)
{
    json_open("srat-memory");
    json_number("node", memory->domain);
    json_number("start", memory->start);
    json_number("bytes", memory->bytes);
    json_bool("enabled", memory->flags & SRAT_ENABLED);
    json_bool("hotplug", memory->flags & SRAT_HOTPLUG);
    json_bool("nonVolatile", memory->flags & SRAT_NON_VOLATILE);
    json_close();
}

/* Memory and generic initiators; CPUs are counted from the MADT, which says which of them are there. */
static void take_entry(const struct acpi_entry8 *entry, void *context)
{
    (void)context;
    if (entry->type == SRAT_MEMORY) {
        const struct srat_memory *memory = (const void *)entry;
        /* QEMU fills the table with empty, disabled entries up to a fixed number. */
        if (!(memory->flags & SRAT_ENABLED) && !memory->bytes)
            return;
        report_memory(memory);
        if (!(memory->flags & SRAT_ENABLED))
            return;
        struct node *node = node_of(memory->domain);
        if (!(memory->flags & (SRAT_HOTPLUG | SRAT_NON_VOLATILE)))
            node->bytes += memory->bytes;
    } else if (entry->type == SRAT_GENERIC_INITIATOR) {
        const struct srat_generic_initiator *initiator = (const void *)entry;
        if (initiator->flags & SRAT_ENABLED)
            node_of(initiator->domain);
    }
}

static void count_cpus(void)
{
    for (size_t i = 0; i < smp_count(); i++) {
        struct cpu_search found = domain_of_cpu(smp_cpu(i)->apic_id);
        if (found.found)
            node_of(found.domain)->cpus += smp_cpu(i)->enabled;
    }
}

/* By ascending domain, so that reports compare. */
static void sort_nodes(void)
{
    for (size_t i = 1; i < node_count; i++)
        for (size_t j = i; j > 0 && nodes[j - 1].domain > nodes[j].domain; j--) {
            struct node swap = nodes[j];
            nodes[j] = nodes[j - 1];
            nodes[j - 1] = swap;
        }
}

static void report_distances(const struct acpi_slit *slit)
{
    for (uint64_t from = 0; from < slit->domains; from++)
        for (uint64_t to = 0; to < slit->domains; to++) {
            json_open("distance");
            json_number("from", from);
            json_number("to", to);
            json_number("value", slit->distances[from * slit->domains + to]);
            json_close();
        }
}

void numa_report_nodes(void)
{
    const struct acpi_slit *slit = (const void *)acpi_find("SLIT", 0);
    if (each_srat_entry(take_entry, NULL)) {
        count_cpus();
    } else {
        node_of(0)->cpus = smp_enabled();
        node_of(0)->bytes = memmap_ram_bytes();
    }
    for (uint64_t domain = 0; slit && domain < slit->domains; domain++)
        node_of((uint32_t)domain);
    sort_nodes();
    for (size_t i = 0; i < node_count; i++) {
        json_open("node");
        json_number("node", nodes[i].domain);
        json_number("cpus", nodes[i].cpus);
        json_number("bytes", nodes[i].bytes);
        json_close();
    }
    if (slit)
        report_distances(slit);
}
