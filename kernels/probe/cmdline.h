/* The kernel's command line: words separated by spaces. */
#ifndef CMDLINE_H
#define CMDLINE_H

#include <stdbool.h>

/* Whether `word` stands there, as it is. */
bool cmdline_has(const char *word);
/* The text after `name=` in the first word that begins so, or NULL. Valid until the next call. */
const char *cmdline_value(const char *name_and_equals);
/* Calls `visit` with each word in turn. */
void cmdline_each(void (*visit)(const char *word));

#endif
