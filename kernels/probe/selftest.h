/* Proof that the machine, and the accelerator that runs it, does what a kernel needs. */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <stdbool.h>

/* Says each stage before it begins, prints the "selftest" line, and returns whether everything held. */
bool selftest_run(void);

#endif
