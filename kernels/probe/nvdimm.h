/* NVDIMMs of the NFIT, and the boot counter that this kernel keeps in each. README.md: what protects their data. */
#ifndef NVDIMM_H
#define NVDIMM_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the NFIT and counts this boot in every store that is empty or already ours, unless told not to touch. */
void nvdimm_init(bool touch);
/* {"t":"nvdimm",...} for each range of persistent memory. */
void nvdimm_report(void);
/* Whether some store was booted for the first time. */
bool nvdimm_first_boot(void);
/* Writes `value` over the test area of each store of ours; {"t":"store",...} for each. */
void nvdimm_fill(uint64_t value);
/* Whether each store's test area holds `value` throughout; {"t":"store",...} for each. */
bool nvdimm_check(uint64_t value);

#endif
