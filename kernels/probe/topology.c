#include "topology.h"

#include <stdbool.h>

#include "cpu.h"
#include "json.h"
#include "memory.h"

/* An APIC id is, from its low bits up: thread within core, core within socket, socket. */
static unsigned thread_bits, socket_shift;

/* Leaf 0x1f (all levels) or 0xb (threads and cores): each level names the shift to the level above. */
static bool read_levels(uint32_t leaf)
{
    enum { LEVEL_THREAD = 1 };
    if (cpuid(0, 0).eax < leaf || !(cpuid(leaf, 0).ebx & 0xffff))
        return false;
    for (uint32_t level = 0; level < 8; level++) {
        struct cpuid r = cpuid(leaf, level);
        uint32_t type = r.ecx >> 8 & 0xff;
        if (!type)
            break;
        socket_shift = r.eax & 31;
        if (type == LEVEL_THREAD)
            thread_bits = r.eax & 31;
    }
    return true;
}

/* How many low bits are needed to number `count` things. */
static unsigned bits_for(uint32_t count)
{
    unsigned bits = 0;
    while (bits < 31 && (1u << bits) < count)
        bits++;
    return bits;
}

static void read_amd(void)
{
    uint32_t highest = cpuid(0x80000000, 0).eax;
    uint32_t size = cpuid(0x80000008, 0).ecx;
    socket_shift = size >> 12 & 15 ? size >> 12 & 15 : bits_for((size & 0xff) + 1);
    if (highest >= 0x8000001e)
        thread_bits = bits_for((cpuid(0x8000001e, 0).ebx >> 8 & 0xff) + 1);
}

static void read_intel(void)
{
    if (!(cpuid(1, 0).edx & (1u << 28)))
        return;
    uint32_t logical = cpuid(1, 0).ebx >> 16 & 0xff;
    uint32_t cores = cpuid(0, 0).eax >= 4 ? (cpuid(4, 0).eax >> 26) + 1 : 1;
    socket_shift = bits_for(logical);
    unsigned core_bits = bits_for(cores);
    thread_bits = socket_shift > core_bits ? socket_shift - core_bits : 0;
}

void topology_init(void)
{
    if (read_levels(0x1f) || read_levels(0xb))
        return;
    if (cpuid(0, 0).ecx == 0x444d4163 && cpuid(0x80000000, 0).eax >= 0x80000008) /* "...cAMD" */
        read_amd();
    else
        read_intel();
}

struct topology topology_split(uint32_t id)
{
    return (struct topology){
        .socket = id >> socket_shift,
        .core = (id & ((1u << socket_shift) - 1)) >> thread_bits,
        .thread = id & ((1u << thread_bits) - 1),
    };
}

uint32_t topology_own_apic_id(void)
{
    if (cpuid(0, 0).eax >= 0xb && (cpuid(0xb, 0).ebx & 0xffff))
        return cpuid(0xb, 0).edx;
    return cpuid(1, 0).ebx >> 24;
}

static void model_numbers(void)
{
    uint32_t signature = cpuid(1, 0).eax;
    uint32_t family = signature >> 8 & 15, model = signature >> 4 & 15;
    if (family == 15 || family == 6)
        model += (signature >> 16 & 15) << 4;
    if (family == 15)
        family += signature >> 20 & 0xff;
    json_number("family", family);
    json_number("model", model);
    json_number("stepping", signature & 15);
}

void topology_report_model(void)
{
    char text[49] = "";
    json_open("cpu-model");
    struct cpuid r = cpuid(0, 0);
    uint32_t vendor[] = { r.ebx, r.edx, r.ecx };
    memcpy(text, vendor, 12);
    json_string("vendor", text);

    memset(text, 0, sizeof text);
    if (cpuid(0x80000000, 0).eax >= 0x80000004)
        for (uint32_t i = 0; i < 3; i++) {
            r = cpuid(0x80000002 + i, 0);
            memcpy(text + 16 * i, &r, 16);
        }
    json_string("brand", text);
    model_numbers();

    memset(text, 0, sizeof text);
    if (cpuid(1, 0).ecx & (1u << 31)) {
        r = cpuid(0x40000000, 0);
        memcpy(text, &r.ebx, 12);
    }
    json_string("hypervisor", text);
    json_close();
}
