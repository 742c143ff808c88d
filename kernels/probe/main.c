/* The probe kernel: looks at the machine it was given, says what it sees, and ends as it is told to. */
#include "probe.h"

enum { COM1 = 0x3f8, SUCCESS = 0x10 };

static void report_serial(void)
{
	static const u16 ports[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
	for (u32 i = 0; i < 4; i++) {
		json_begin("serial");
		json_number("port", i);
		json_number("address", ports[i]);
		json_bool("present", serial_present(ports[i]));
		json_end();
	}
}

static void report(void)
{
	report_cpus();
	report_memory();
	report_nodes();
	report_nvdimms();
	report_pci();
	report_serial();
}

void main(void)
{
	serial_init(COM1);
	boot_info_init();
	idt_init();
	acpi_init();
	json_begin("probe");
	json_number("version", 1);
	json_text("boot", boot_name);
	json_text("cmdline", command_line);
	json_end();
	selftest(word("accel") != NULL);
	run_modes_before_report();
	const char *wanted = word("report"), *code = word("exit");
	if (!word("accel") && !(wanted && starts_with(wanted, "no")))
		report();
	u64 exit = code ? number(code) : SUCCESS;
	json_begin("end");
	json_number("exit", exit);
	json_end();
	run_modes_after_report();
	leave((u8)exit);
}
