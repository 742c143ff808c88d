#include "cmdline.h"

#include <stddef.h>

#include "boot.h"
#include "text.h"

enum { WORD_BYTES = 256 };

/* Copies the next word to `word` and returns where to go on, or NULL at the end. */
static const char *next_word(const char *at, char word[WORD_BYTES])
{
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
        at++;
    if (!*at)
        return NULL;
    size_t length = 0;
    for (; *at && *at != ' ' && *at != '\t' && *at != '\n' && *at != '\r'; at++)
        if (length < WORD_BYTES - 1)
            word[length++] = *at;
    word[length] = 0;
    return at;
}

bool cmdline_has(const char *wanted)
{
    char word[WORD_BYTES];
    for (const char *at = boot.cmdline; (at = next_word(at, word));)
        if (text_equal(word, wanted))
            return true;
    return false;
}

const char *cmdline_value(const char *name_and_equals)
{
    static char word[WORD_BYTES];
    for (const char *at = boot.cmdline; (at = next_word(at, word));) {
        const char *value = text_after(word, name_and_equals);
        if (value)
            return value;
    }
    return NULL;
}

void cmdline_each(void (*visit)(const char *word))
{
    char word[WORD_BYTES];
    for (const char *at = boot.cmdline; (at = next_word(at, word));)
        visit(word);
}
