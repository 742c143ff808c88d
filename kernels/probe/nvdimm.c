#include "nvdimm.h"

#include <stddef.h>

#include "acpi.h"
#include "json.h"
#include "memory.h"
#include "store.h"

enum { MAX_RANGES = 64 };

struct nvdimm {
    const struct nfit_range *range;
    /* NULL where the NFIT does not say which module a range lies on. */
    const struct nfit_mapping *mapping;
    const struct nfit_flush_hints *hints;
    struct store store;
};

static struct nvdimm nvdimms[MAX_RANGES];
static size_t count;
static const struct nfit_capabilities *capabilities;

/* 66F0D379-B4F3-4074-AC43-0D3318B78CDB, as 5.2.25.2 stores it */
static const uint8_t persistent_memory[16] = { 0x79, 0xd3, 0xf0, 0x66, 0xf3, 0xb4, 0x74, 0x40,
                                               0xac, 0x43, 0x0d, 0x33, 0x18, 0xb7, 0x8c, 0xdb };

static void each_entry(void (*visit)(const struct nfit_entry *))
{
    const struct acpi_nfit *nfit = (const void *)acpi_find("NFIT", 0);
    if (!nfit)
        return;
    const uint8_t *at = (const uint8_t *)(nfit + 1), *end = (const uint8_t *)nfit + nfit->header.length;
    while (at + sizeof(struct nfit_entry) <= end) {
        const struct nfit_entry *entry = (const void *)at;
        if (entry->length < sizeof *entry)
            return;
        visit(entry);
        at += entry->length;
    }
}

static void take_range(const struct nfit_entry *entry)
{
    const struct nfit_range *range = (const void *)entry;
    if (entry->type == NFIT_RANGE && count < MAX_RANGES && memcmp(range->type, persistent_memory, 16) == 0)
        nvdimms[count++].range = range;
    if (entry->type == NFIT_CAPABILITIES)
        capabilities = (const void *)entry;
}

static void join_mapping(const struct nfit_entry *entry)
{
    const struct nfit_mapping *mapping = (const void *)entry;
    for (size_t i = 0; i < count && entry->type == NFIT_MAPPING; i++)
        if (nvdimms[i].range->index == mapping->range_index && !nvdimms[i].mapping)
            nvdimms[i].mapping = mapping;
}

static void join_hints(const struct nfit_entry *entry)
{
    const struct nfit_flush_hints *hints = (const void *)entry;
    for (size_t i = 0; i < count && entry->type == NFIT_FLUSH_HINTS; i++)
        if (nvdimms[i].mapping && nvdimms[i].mapping->handle == hints->handle)
            nvdimms[i].hints = hints;
}

static uint32_t handle_of(const struct nvdimm *nvdimm)
{
    return nvdimm->mapping ? nvdimm->mapping->handle : 0;
}

/* By ascending handle: QEMU lists them in the order of a hash table. */
static void sort_by_handle(void)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && handle_of(&nvdimms[j - 1]) > handle_of(&nvdimms[j]); j--) {
            struct nvdimm swap = nvdimms[j];
            nvdimms[j] = nvdimms[j - 1];
            nvdimms[j - 1] = swap;
        }
}

static bool is_armed(const struct nvdimm *nvdimm)
{
    return !nvdimm->mapping || !(nvdimm->mapping->state & NFIT_STATE_NOT_ARMED);
}

void nvdimm_init(bool touch)
{
    each_entry(take_range);
    each_entry(join_mapping);
    each_entry(join_hints);
    sort_by_handle();
    for (size_t i = 0; i < count && touch; i++) {
        const struct nvdimm *nvdimm = &nvdimms[i];
        uint64_t hint = nvdimm->hints && nvdimm->hints->count ? nvdimm->hints->addresses[0] : 0;
        nvdimms[i].store = store_open(nvdimm->range->start, nvdimm->range->bytes, is_armed(nvdimm), hint);
    }
}

static void report_persistence(void)
{
    uint32_t flags = capabilities ? capabilities->capabilities : 0;
    if (flags & NFIT_FLUSHES_CPU_CACHE)
        json_string("persistenceDomain", "cpu");
    else if (flags & NFIT_FLUSHES_MEMORY_CONTROLLER)
        json_string("persistenceDomain", "mem-ctrl");
    else
        json_null("persistenceDomain");
}

void nvdimm_report(void)
{
    for (size_t i = 0; i < count; i++) {
        const struct nvdimm *nvdimm = &nvdimms[i];
        json_open("nvdimm");
        json_number("handle", handle_of(nvdimm));
        json_number("start", nvdimm->range->start);
        json_number("bytes", nvdimm->range->bytes);
        if (nvdimm->range->flags & NFIT_RANGE_DOMAIN_VALID)
            json_number("node", nvdimm->range->domain);
        else
            json_null("node");
        report_persistence();
        json_number("flushHints", nvdimm->hints ? nvdimm->hints->count : 0);
        json_bool("armed", is_armed(nvdimm));
        if (nvdimm->store.state != STORE_UNTOUCHED) {
            json_string("state", store_state_name(nvdimm->store.state));
            json_number("boots", nvdimm->store.boots);
            json_string("checksum", store_checksum_name(nvdimm->store.checksum));
        }
        json_close();
    }
}

bool nvdimm_first_boot(void)
{
    for (size_t i = 0; i < count; i++)
        if (nvdimms[i].store.state == STORE_NEW)
            return true;
    return false;
}

static void report_area(const struct nvdimm *nvdimm, const char *action, uint64_t value, bool ok)
{
    json_open("store");
    json_number("handle", handle_of(nvdimm));
    json_string("action", action);
    json_hex("value", value, 16);
    json_bool("ok", ok);
    json_close();
}

void nvdimm_fill(uint64_t value)
{
    for (size_t i = 0; i < count; i++)
        report_area(&nvdimms[i], "fill", value, store_fill(&nvdimms[i].store, value));
}

bool nvdimm_check(uint64_t value)
{
    bool all = count > 0;
    for (size_t i = 0; i < count; i++) {
        bool ok = store_holds(&nvdimms[i].store, value);
        report_area(&nvdimms[i], "check", value, ok);
        all = all && ok;
    }
    return all;
}
