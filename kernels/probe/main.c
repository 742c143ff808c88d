/* The order of things: find out where we are, test, report, do what the command line asks, end. */
#include <stdbool.h>

#include "acpi.h"
#include "apic.h"
#include "boot.h"
#include "clock.h"
#include "cmdline.h"
#include "cxl.h"
#include "exit.h"
#include "idt.h"
#include "json.h"
#include "memmap.h"
#include "modes.h"
#include "numa.h"
#include "nvdimm.h"
#include "pci.h"
#include "selftest.h"
#include "serial.h"
#include "smp.h"
#include "text.h"
#include "topology.h"

enum { PROTOCOL_VERSION = 1 };

static void report(void)
{
    json_count_from_here();
    topology_report_model();
    numa_report_cpus();
    memmap_report();
    numa_report_nodes();
    hmat_report();
    nvdimm_report();
    cxl_report();
    pci_report();
    serial_report();
    json_counts();
}

_Noreturn static void end(uint8_t value)
{
    json_open("end");
    json_number("exit", value);
    json_close();
    exit_with(value);
}

static void self_test(void)
{
    if (!selftest_run())
        end(EXIT_SELFTEST_FAILED);
    serial_trust_string_output();
}

/* Called by boot.S, on the boot processor. */
void probe_main(void);
void probe_main(void)
{
    boot_read();
    serial_init();
    idt_init();
    acpi_init();
    apic_init();
    topology_init();
    smp_init();
    if (cmdline_has("accel")) {
        self_test();
        end(EXIT_SUCCESS);
    }

    json_open("probe");
    json_number("version", PROTOCOL_VERSION);
    json_string("boot", boot.protocol);
    json_string("cmdline", boot.cmdline);
    json_close();
    self_test();
    const char *delay = cmdline_value("delay=");
    if (delay)
        clock_pause((uint32_t)text_number(delay));
    const char *nvdimm_use = cmdline_value("nvdimm=");
    nvdimm_init(!nvdimm_use || !text_equal(nvdimm_use, "skip"));
    pci_init();
    const char *wanted = cmdline_value("report=");
    if (!wanted || !text_equal(wanted, "no"))
        report();
    modes_run();
    end(modes_exit_value());
}
