/*
 * The store that this kernel keeps at the start of a range of persistent memory:
 *
 *   offset 0      header: magic, version, boot count, sequence, checksum
 *   offset 4 KiB  pattern page, derived from boot count and sequence
 *   offset 8 KiB  test area of 4 KiB, written only by `nvdimm-fill`
 *
 * Nothing else in the range is ever written. The header and pattern pages are written only if both are all
 * zeros, or begin with our magic; the test area only if it is all zeros, or the header says that we filled it.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stdint.h>

enum store_state { STORE_UNTOUCHED, STORE_NEW, STORE_KEPT, STORE_FOREIGN, STORE_BAD, STORE_READONLY };
enum store_checksum { CHECKSUM_NONE, CHECKSUM_OK, CHECKSUM_BAD };

struct store {
    enum store_state state;
    enum store_checksum checksum;
    /* This boot included, where it could be counted. */
    uint64_t boots;
    uint64_t start, bytes, flush_hint;
};

/* Looks at the range and counts this boot if that is allowed. `flush_hint`: address to write after, or 0. */
struct store store_open(uint64_t start, uint64_t bytes, bool writable, uint64_t flush_hint);
bool store_fill(const struct store *store, uint64_t value);
bool store_holds(const struct store *store, uint64_t value);
const char *store_state_name(enum store_state state);
const char *store_checksum_name(enum store_checksum checksum);

#endif
