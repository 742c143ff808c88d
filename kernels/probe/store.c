#include "store.h"

#include <stddef.h>

#include "cpu.h"
#include "flush.h"
#include "idt.h"
#include "memory.h"
#include "paging.h"

enum { PAGE = 4096, WORDS = PAGE / 8, VERSION = 1 };

/* One cache line, so that it is written whole or not at all. */
struct header {
    char magic[8];
    uint32_t version, reserved;
    uint64_t boots;
    /* Differs from boot to boot, so that an old pattern page never passes for a new one. */
    uint64_t sequence;
    uint64_t filled, fill_value;
    /* FNV-1a of the fields above, then of the pattern page; 64 bits. */
    uint64_t checksum;
    uint64_t reserved2;
};

static const char magic[8] = { 'B', 'R', 'I', 'N', 'G', 'U', 'P', 0x1a };

static uint64_t fnv1a(uint64_t hash, const volatile void *from, size_t bytes)
{
    for (const volatile uint8_t *at = from; bytes--; at++)
        hash = (hash ^ *at) * 0x100000001b3;
    return hash;
}

/* The splitmix64 generator, from the count and sequence of the boot. */
static uint64_t pattern_word(const struct header *header, size_t index)
{
    uint64_t z = header->sequence + header->boots + (index + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t checksum_of(const struct header *header, const volatile uint64_t *pattern)
{
    const uint64_t basis = 0xcbf29ce484222325;
    return fnv1a(fnv1a(basis, header, offsetof(struct header, checksum)), pattern, PAGE);
}

static const volatile uint64_t *page_at(uint64_t start, unsigned index)
{
    return (const volatile uint64_t *)(start + (uint64_t)index * PAGE);
}

static bool all_words(const volatile uint64_t *at, uint64_t value)
{
    for (size_t i = 0; i < WORDS; i++)
        if (at[i] != value)
            return false;
    return true;
}

static bool pattern_intact(const struct header *header, const volatile uint64_t *pattern)
{
    for (size_t i = 0; i < WORDS; i++)
        if (pattern[i] != pattern_word(header, i))
            return false;
    return header->checksum == checksum_of(header, pattern);
}

static void read_header(uint64_t start, struct header *header)
{
    uint64_t words[sizeof *header / 8];
    for (size_t i = 0; i < sizeof words / 8; i++)
        words[i] = page_at(start, 0)[i];
    memcpy(header, words, sizeof *header);
}

/* Writes, flushes and reads back; false if the memory does not take it. */
static bool write_words(const struct store *store, uint64_t address, const uint64_t *words, size_t count)
{
    volatile uint64_t *to = (volatile uint64_t *)address;
    for (size_t i = 0; i < count; i++)
        if (!guarded_write64(&to[i], words[i]))
            return false;
    flush_range((const void *)address, count * 8, store->flush_hint);
    for (size_t i = 0; i < count; i++)
        if (to[i] != words[i])
            return false;
    return true;
}

static bool write_header(const struct store *store, struct header *header)
{
    uint64_t words[sizeof *header / 8];
    header->checksum = checksum_of(header, page_at(store->start, 1));
    memcpy(words, header, sizeof *header);
    return write_words(store, store->start, words, sizeof words / 8);
}

/* Data first, header last: a cut in between leaves an old header whose pattern no longer fits, and shows. */
static bool count_boot(const struct store *store, struct header *header)
{
    static uint64_t pattern[WORDS];
    header->boots++;
    header->sequence = header->sequence * 6364136223846793005 + read_tsc();
    for (size_t i = 0; i < WORDS; i++)
        pattern[i] = pattern_word(header, i);
    return write_words(store, store->start + PAGE, pattern, WORDS) && write_header(store, header);
}

struct store store_open(uint64_t start, uint64_t bytes, bool writable, uint64_t flush_hint)
{
    struct store store = { .state = STORE_BAD, .start = start, .bytes = bytes, .flush_hint = flush_hint };
    uint8_t first;
    if (bytes < 2 * PAGE || start % PAGE || !map(start, 3 * PAGE) || (flush_hint && !map(flush_hint, 8)) ||
        !guarded_read8((const void *)start, &first))
        return store;

    struct header header;
    read_header(start, &header);
    bool ours = memcmp(header.magic, magic, sizeof magic) == 0;
    if (ours && header.version != VERSION)
        return store;
    if (ours) {
        store.state = STORE_KEPT;
        store.boots = header.boots;
        store.checksum = pattern_intact(&header, page_at(start, 1)) ? CHECKSUM_OK : CHECKSUM_BAD;
    } else if (all_words(page_at(start, 0), 0) && all_words(page_at(start, 1), 0)) {
        store.state = STORE_NEW;
        header = (struct header){ .version = VERSION };
        memcpy(header.magic, magic, sizeof magic);
    } else {
        store.state = STORE_FOREIGN;
        return store;
    }
    if (!writable || !count_boot(&store, &header))
        store.state = STORE_READONLY;
    else
        store.boots = header.boots;
    return store;
}

static bool is_ours(const struct store *store)
{
    return store->state == STORE_NEW || store->state == STORE_KEPT;
}

bool store_fill(const struct store *store, uint64_t value)
{
    static uint64_t words[WORDS];
    struct header header;
    if (!is_ours(store) || store->bytes < 3 * PAGE)
        return false;
    read_header(store->start, &header);
    if (!header.filled && !all_words(page_at(store->start, 2), 0))
        return false;
    /* The claim comes before the data: after a cut the area is known to be ours. */
    header.filled = 1;
    header.fill_value = value;
    for (size_t i = 0; i < WORDS; i++)
        words[i] = value;
    return write_header(store, &header) && write_words(store, store->start + 2 * PAGE, words, WORDS);
}

bool store_holds(const struct store *store, uint64_t value)
{
    bool readable = is_ours(store) || store->state == STORE_READONLY;
    return readable && store->bytes >= 3 * PAGE && all_words(page_at(store->start, 2), value);
}

const char *store_state_name(enum store_state state)
{
    static const char *const names[] = { "untouched", "new", "kept", "foreign", "bad", "readonly" };
    return names[state];
}

const char *store_checksum_name(enum store_checksum checksum)
{
    static const char *const names[] = { "none", "ok", "bad" };
    return names[checksum];
}
