#include "text.h"

bool text_equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

const char *text_after(const char *text, const char *prefix)
{
    while (*prefix)
        if (*text++ != *prefix++)
            return NULL;
    return text;
}

uint64_t text_number(const char *text)
{
    uint64_t value = 0;
    while (*text >= '0' && *text <= '9')
        value = value * 10 + (uint64_t)(*text++ - '0');
    if (*text == 'k' || *text == 'K')
        value <<= 10;
    if (*text == 'm' || *text == 'M')
        value <<= 20;
    return value;
}

uint64_t text_hex(const char *text)
{
    uint64_t value = 0;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2;
    for (;; text++) {
        char c = (char)(*text | 0x20);
        if (*text >= '0' && *text <= '9')
            value = value * 16 + (uint64_t)(*text - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (uint64_t)(c - 'a' + 10);
        else
            return value;
    }
}

void text_copy(char *to, const char *from, size_t capacity)
{
    while (--capacity && *from)
        *to++ = *from++;
    *to = 0;
}
