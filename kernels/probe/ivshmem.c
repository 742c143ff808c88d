#include "ivshmem.h"

#include <stddef.h>

#include "apic.h"
#include "clock.h"
#include "cmdline.h"
#include "cpu.h"
#include "exit.h"
#include "idt.h"
#include "json.h"
#include "paging.h"
#include "text.h"

enum { IDS = 0x00, COMMAND = 0x04, STATUS = 0x06, BAR0 = 0x10, BAR1 = 0x14, BAR2 = 0x18, BAR3 = 0x1c, CAPABILITIES = 0x34 };
enum { MEMORY_SPACE = 2, BUS_MASTER = 4, HAS_CAPABILITIES = 1 << 4, CAPABILITY_MSIX = 0x11, MSIX_ENABLE = 1 << 15 };
enum { OWN_ID = 8, DOORBELL = 12, BAR_BYTES = 256 };
static const uint32_t ivshmem_ids = 0x11101af4;

/* Where BARs go that firmware left without an address (qboot does): in the PCI hole of both of QEMU's PC machines. */
enum { SPARE_REGISTERS = 0xfeb00000, SPARE_TABLE = 0xfeb80000, SPARE_STEP = 0x8000, SPARE_COUNT = 16 };

struct device {
    struct pci_address at;
    uint64_t memory, bytes;
    volatile uint32_t *registers;
    unsigned vectors;
    uint8_t msix;
};

static uint8_t find_msix(struct pci_address at)
{
    if (!(pci_read16(at, STATUS) & HAS_CAPABILITIES))
        return 0;
    uint8_t offset = pci_read8(at, CAPABILITIES) & 0xfc;
    for (unsigned guard = 0; offset && guard < 48; guard++, offset = pci_read8(at, offset + 1u) & 0xfc)
        if (pci_read8(at, offset) == CAPABILITY_MSIX)
            return offset;
    return 0;
}

/* Size of the 64-bit BAR 2: the bits that cannot be written are zero (PCI Local Bus Specification 3.0, 6.2.5.1). */
static uint64_t memory_bytes(struct pci_address at)
{
    uint16_t command = pci_read16(at, COMMAND);
    uint32_t low = pci_read32(at, BAR2), high = pci_read32(at, BAR3);
    pci_write16(at, COMMAND, command & ~MEMORY_SPACE);
    pci_write32(at, BAR2, 0xffffffff);
    pci_write32(at, BAR3, 0xffffffff);
    uint64_t mask = ((uint64_t)pci_read32(at, BAR3) << 32 | pci_read32(at, BAR2)) & ~15ull;
    pci_write32(at, BAR2, low);
    pci_write32(at, BAR3, high);
    pci_write16(at, COMMAND, command);
    return ~mask + 1;
}

static unsigned physical_bits(void)
{
    uint32_t bits = cpuid(0x80000000, 0).eax >= 0x80000008 ? cpuid(0x80000008, 0).eax & 0xff : 36;
    return bits < 47 ? bits : 47;
}

/* The upper half of the address space is free of RAM in any machine of less than half of it. */
static uint64_t spare_memory(uint64_t bytes)
{
    static uint64_t next;
    uint64_t end = 1ull << physical_bits();
    if (!next)
        next = end / 2;
    uint64_t start = (next + bytes - 1) & ~(bytes - 1);
    if (start + bytes > end || start + bytes < start)
        return 0;
    next = start + bytes;
    return start;
}

static uint32_t assigned32(struct pci_address at, unsigned bar, uint32_t spare)
{
    uint32_t address = pci_read32(at, bar) & ~15u;
    if (!address)
        pci_write32(at, bar, address = spare);
    return address;
}

static uint64_t assigned_memory(struct pci_address at, uint64_t bytes)
{
    uint64_t address = ((uint64_t)pci_read32(at, BAR3) << 32 | pci_read32(at, BAR2)) & ~15ull;
    if (!address && (address = spare_memory(bytes))) {
        pci_write32(at, BAR2, (uint32_t)address);
        pci_write32(at, BAR3, (uint32_t)(address >> 32));
    }
    return address;
}

/* Gives addresses to what has none, and lets the function be reached. */
static struct device open_device(struct pci_address at)
{
    static unsigned spares;
    struct device device = { .at = at, .bytes = memory_bytes(at), .msix = find_msix(at) };
    unsigned spare = spares++ % SPARE_COUNT;
    uint32_t registers = assigned32(at, BAR0, SPARE_REGISTERS + spare * SPARE_STEP);
    if (device.msix) {
        assigned32(at, BAR1, SPARE_TABLE + spare * SPARE_STEP);
        device.vectors = (pci_read16(at, device.msix + 2u) & 0x7ff) + 1u;
    }
    device.memory = assigned_memory(at, device.bytes);
    pci_write16(at, COMMAND, pci_read16(at, COMMAND) | MEMORY_SPACE | BUS_MASTER);
    device.registers = map(registers, BAR_BYTES);
    return device;
}

static uint32_t own_id(const struct device *device)
{
    return device->registers[OWN_ID / 4];
}

void ivshmem_report(struct pci_address at)
{
    if (pci_read32(at, IDS) != ivshmem_ids)
        return;
    struct device device = open_device(at);
    json_open("ivshmem");
    pci_json_address(at);
    json_number("registers", (uint64_t)device.registers);
    if (device.msix)
        json_number("table", pci_read32(at, BAR1) & ~15u);
    else
        json_null("table");
    json_number("start", device.memory);
    json_number("bytes", device.bytes);
    json_number("vectors", device.vectors);
    /* Without a server there are no numbers: the register reads as 0. */
    if (device.msix && device.registers)
        json_number("id", own_id(&device));
    else
        json_null("id");
    json_close();
}

enum { MOST_PEERS = 16, SLOT_HEADER = 256, LEAST_SLOT = 512, MOST_SLOT = 4096 };

/* One for each peer, which alone writes to it. A meeting has numbered steps; a step is one ring. */
struct slot {
    /* Differs from boot to boot, so that nothing old in the memory is taken for new. Never 0. */
    uint64_t nonce;
    /* The last step that this peer has heard. */
    uint64_t heard;
    /* The nonces of all peers, as this one has seen them. */
    uint64_t seen[MOST_PEERS];
};
_Static_assert(sizeof(struct slot) <= SLOT_HEADER, "the header of a slot");

struct meeting {
    const struct device *device;
    unsigned peers, own, vectors;
    uint64_t slot_bytes;
    /* Interrupts by vector that belong to steps that are over. */
    uint32_t consumed[VECTOR_COUNT];
    uint32_t rung[MOST_PEERS], heard[MOST_PEERS];
    bool pattern[MOST_PEERS];
};

static volatile struct slot *slot_of(const struct meeting *meeting, unsigned peer)
{
    return (volatile struct slot *)(meeting->device->memory + peer * meeting->slot_bytes);
}

static volatile uint64_t *pattern_of(const struct meeting *meeting, unsigned peer)
{
    return (volatile uint64_t *)((volatile uint8_t *)slot_of(meeting, peer) + SLOT_HEADER);
}

/* The splitmix64 generator. */
static uint64_t pattern_word(uint64_t nonce, uint64_t index)
{
    uint64_t z = nonce + (index + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t pattern_words(const struct meeting *meeting)
{
    return (meeting->slot_bytes - SLOT_HEADER) / 8;
}

static void write_own_slot(const struct meeting *meeting)
{
    volatile struct slot *slot = slot_of(meeting, meeting->own);
    uint64_t nonce = read_tsc() * MOST_PEERS + meeting->own + 1;
    slot->nonce = 0;
    slot->heard = 0;
    for (unsigned peer = 0; peer < MOST_PEERS; peer++)
        slot->seen[peer] = 0;
    for (uint64_t i = 0; i < pattern_words(meeting); i++)
        pattern_of(meeting, meeting->own)[i] = pattern_word(nonce, i);
    /* Published last: a peer that sees it finds the rest. */
    slot->nonce = nonce;
}

/* Waits until each peer has seen this boot's nonce; the time-out of the run ends a wait for a peer that never comes. */
static void wait_for_peers(const struct meeting *meeting)
{
    volatile struct slot *own = slot_of(meeting, meeting->own);
    for (unsigned met = 0; met < meeting->peers;) {
        met = 0;
        for (unsigned peer = 0; peer < meeting->peers; peer++) {
            bool has_seen = slot_of(meeting, peer)->seen[meeting->own] == own->nonce;
            /* Read after the other's answer: the nonce that goes back is of the same boot as the answer. */
            own->seen[peer] = slot_of(meeting, peer)->nonce;
            met += has_seen;
        }
        cpu_relax();
    }
}

static bool pattern_arrived(const struct meeting *meeting, unsigned peer)
{
    uint64_t nonce = slot_of(meeting, peer)->nonce;
    for (uint64_t i = 0; i < pattern_words(meeting); i++)
        if (pattern_of(meeting, peer)[i] != pattern_word(nonce, i))
            return false;
    return true;
}

/* PCI Local Bus Specification 3.0, 6.8.2: each entry has an address, data and a mask. */
static void enable_interrupts(const struct device *device, unsigned vectors)
{
    uint32_t place = pci_read32(device->at, device->msix + 4u);
    uint32_t table = (pci_read32(device->at, BAR1) & ~15u) + (place & ~7u);
    volatile uint32_t *entries = map(table, 16ull * vectors);
    for (unsigned v = 0; entries && v < vectors; v++) {
        entries[4 * v] = 0xfee00000 | apic_id() << 12;
        entries[4 * v + 1] = 0;
        entries[4 * v + 2] = VECTOR_DEVICE + v;
        entries[4 * v + 3] = 0;
    }
    pci_write16(device->at, device->msix + 2u, pci_read16(device->at, device->msix + 2u) | MSIX_ENABLE);
    interrupts_on();
}

static bool wait_for_ring(struct meeting *meeting, unsigned vector)
{
    uint64_t deadline = clock_deadline(60000);
    while (idt_count((enum vector)(VECTOR_DEVICE + vector)) == meeting->consumed[vector]) {
        if (clock_passed(deadline))
            return false;
        cpu_relax();
    }
    meeting->consumed[vector]++;
    return true;
}

static bool wait_for_step(const struct meeting *meeting, unsigned peer, uint64_t step)
{
    uint64_t deadline = clock_deadline(60000);
    while (slot_of(meeting, peer)->heard < step) {
        if (clock_passed(deadline))
            return false;
        cpu_relax();
    }
    return true;
}

/* One ring at a time in the whole meeting, so that an interrupt has one sender only. A peer alone rings itself. */
static bool ring_all(struct meeting *meeting)
{
    uint64_t step = 0;
    unsigned before = 0;
    for (unsigned from = 0; from < meeting->peers; from++)
        for (unsigned to = 0; to < meeting->peers; to++)
            for (unsigned v = 0; v < meeting->vectors && (from != to || meeting->peers == 1); v++) {
                if (meeting->own == from) {
                    if (step && !wait_for_step(meeting, before, step))
                        return false;
                    meeting->device->registers[DOORBELL / 4] = to << 16 | v;
                    meeting->rung[to]++;
                }
                step++;
                before = to;
                if (meeting->own == to) {
                    if (!wait_for_ring(meeting, v))
                        return false;
                    slot_of(meeting, to)->heard = step;
                    meeting->heard[from]++;
                }
            }
    return meeting->own == before || wait_for_step(meeting, before, step);
}

static bool find(struct device *device)
{
    struct pci_address at;
    if (!pci_find(ivshmem_ids & 0xffff, ivshmem_ids >> 16, &at))
        return false;
    *device = open_device(at);
    /* Only the slots are ever read: page tables for all of a large memory are more than there are. */
    const uint64_t slots = (uint64_t)MOST_PEERS * MOST_SLOT;
    return device->memory && device->registers && map(device->memory, device->bytes < slots ? device->bytes : slots);
}

static unsigned own_number(const struct device *device)
{
    if (device->msix)
        return own_id(device);
    const char *told = cmdline_value("ivshmem-id=");
    return told ? (unsigned)text_number(told) : 0;
}

static bool report_meeting(const struct meeting *meeting)
{
    bool is_good = true;
    for (unsigned peer = 0; peer < meeting->peers; peer++) {
        if (peer == meeting->own && meeting->peers > 1)
            continue;
        json_open("ivshmem-peer");
        json_number("own", meeting->own);
        json_number("peer", peer);
        json_bool("pattern", meeting->pattern[peer]);
        json_number("rung", meeting->rung[peer]);
        json_number("heard", meeting->heard[peer]);
        json_close();
        is_good &= meeting->pattern[peer] && meeting->rung[peer] == meeting->vectors &&
                   meeting->heard[peer] == meeting->vectors;
    }
    return is_good;
}

bool ivshmem_meet(unsigned peers)
{
    static struct device device;
    static struct meeting meeting;
    if (!find(&device))
        panic("no shared memory");
    uint64_t slot_bytes = peers ? device.bytes / peers & ~63ull : 0;
    unsigned most = VECTOR_COUNT - VECTOR_DEVICE;
    meeting = (struct meeting){ .device = &device,
                                .peers = peers,
                                .own = own_number(&device),
                                .vectors = device.vectors < most ? device.vectors : most,
                                .slot_bytes = slot_bytes < MOST_SLOT ? slot_bytes : MOST_SLOT };
    if (peers == 0 || peers > MOST_PEERS || meeting.own >= peers || meeting.slot_bytes < LEAST_SLOT)
        panic("no such meeting: more peers than fit, or a number beyond theirs");
    if (meeting.vectors)
        enable_interrupts(&device, meeting.vectors);
    write_own_slot(&meeting);
    wait_for_peers(&meeting);
    for (unsigned peer = 0; peer < peers; peer++)
        meeting.pattern[peer] = pattern_arrived(&meeting, peer);
    bool all_heard = ring_all(&meeting);
    interrupts_off();
    return report_meeting(&meeting) && all_heard;
}
