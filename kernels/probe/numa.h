/* Proximity domains ("nodes"): SRAT, SLIT, HMAT. */
#ifndef NUMA_H
#define NUMA_H

/* One "cpu" line for each CPU of the MADT, with its node of the SRAT. */
void numa_report_cpus(void);
/* "srat-memory", "node" and "distance" lines. */
void numa_report_nodes(void);
/* "hmat", "hmat-cache" and "hmat-initiator" lines. */
void hmat_report(void);

#endif
