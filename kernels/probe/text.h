/* Reading text: comparison and numbers. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool text_equal(const char *a, const char *b);
/* The rest of `text` after `prefix`, or NULL. */
const char *text_after(const char *text, const char *prefix);
/* Decimal, with an optional suffix k or m (KiB, MiB). Stops at the first other character. */
uint64_t text_number(const char *text);
uint64_t text_hex(const char *text);
/* Copies at most capacity - 1 bytes and always ends with a zero. */
void text_copy(char *to, const char *from, size_t capacity);

#endif
