/* Heterogeneous Memory Attribute Table: how fast each node reaches each other's memory. */
#include <stddef.h>

#include "acpi.h"
#include "json.h"
#include "memory.h"
#include "numa.h"

static const char *const hierarchies[] = { "memory", "first-level", "second-level", "third-level" };
static const char *const data_types[] = { "access-latency",   "read-latency",   "write-latency",
                                          "access-bandwidth", "read-bandwidth", "write-bandwidth" };
enum { FIRST_BANDWIDTH = 3 };
/* Matrix values with a meaning of their own: nothing is known, or the target cannot be reached. */
enum { NOT_PROVIDED = 0, UNREACHABLE = 0xffff };

/*
 * An entry times the base unit is picoseconds, or megabytes per second. Those megabytes are MiB here: QEMU
 * divides the bytes per second of its command line by 2^20, so this gives back just what was asked for.
 */
static uint64_t value_of(const struct hmat_latency_bandwidth *table, uint16_t entry)
{
    uint64_t value = table->base_unit * entry;
    return table->data_type >= FIRST_BANDWIDTH ? value << 20 : value;
}

static void report_matrix(const struct hmat_latency_bandwidth *table)
{
    size_t hierarchy = table->flags & 15, type = table->data_type;
    if (hierarchy >= sizeof hierarchies / sizeof *hierarchies || type >= sizeof data_types / sizeof *data_types)
        return;
    const uint8_t *domains = (const uint8_t *)(table + 1);
    const uint8_t *matrix = domains + 4 * ((size_t)table->initiators + table->targets);
    for (uint32_t i = 0; i < table->initiators; i++)
        for (uint32_t j = 0; j < table->targets; j++) {
            uint32_t initiator, target;
            uint16_t entry;
            memcpy(&initiator, domains + 4 * (size_t)i, sizeof initiator);
            memcpy(&target, domains + 4 * ((size_t)table->initiators + j), sizeof target);
            memcpy(&entry, matrix + 2 * ((size_t)i * table->targets + j), sizeof entry);
            if (entry == NOT_PROVIDED || entry == UNREACHABLE)
                continue;
            json_open("hmat");
            json_number("initiator", initiator);
            json_number("target", target);
            json_string("hierarchy", hierarchies[hierarchy]);
            json_string("type", data_types[type]);
            json_number("value", value_of(table, entry));
            json_close();
        }
}

static void report_cache(const struct hmat_cache *cache)
{
    static const char *const associativities[] = { "none", "direct", "complex" };
    static const char *const policies[] = { "none", "write-back", "write-through" };
    uint32_t associativity = cache->attributes >> 8 & 15, policy = cache->attributes >> 12 & 15;
    json_open("hmat-cache");
    json_number("node", cache->memory);
    json_number("bytes", cache->bytes);
    json_number("levels", cache->attributes & 15);
    json_number("level", cache->attributes >> 4 & 15);
    json_string("associativity", associativity < 3 ? associativities[associativity] : "other");
    json_string("policy", policy < 3 ? policies[policy] : "other");
    json_number("line", cache->attributes >> 16);
    json_close();
}

static void report_domain(const struct hmat_domain *domain)
{
    json_open("hmat-initiator");
    json_number("target", domain->memory);
    if (domain->flags & HMAT_INITIATOR_VALID)
        json_number("initiator", domain->initiator);
    else
        json_null("initiator");
    json_close();
}

void hmat_report(void)
{
    const struct acpi_hmat *hmat = (const void *)acpi_find("HMAT", 0);
    if (!hmat)
        return;
    const uint8_t *at = (const uint8_t *)(hmat + 1), *end = (const uint8_t *)hmat + hmat->header.length;
    while (at + sizeof(struct hmat_entry) <= end) {
        const struct hmat_entry *entry = (const void *)at;
        if (entry->length < sizeof *entry)
            return;
        switch (entry->type) {
        case HMAT_DOMAIN: report_domain((const void *)at); break;
        case HMAT_LATENCY_BANDWIDTH: report_matrix((const void *)at); break;
        case HMAT_CACHE: report_cache((const void *)at); break;
        }
        at += entry->length;
    }
}
