/* What the words of the command line ask for once the report is out. README.md has the table. */
#ifndef MODES_H
#define MODES_H

#include <stdint.h>

/* Does each word in turn; some never return. */
void modes_run(void);
/* The value to end with: a word's `exit=N`, or what went wrong, or success. */
uint8_t modes_exit_value(void);

#endif
