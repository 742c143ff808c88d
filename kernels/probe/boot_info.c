/* What the loader told: PVH's hvm_start_info (xen/arch-x86/hvm/start_info.h) or multiboot 1. */
#include "probe.h"

struct pvh { u32 magic, version, flags, modules; u64 module_list, command_line, rsdp, memory_map; u32 memory_map_entries, reserved; };
struct pvh_range { u64 start, bytes; u32 type, reserved; };
struct multiboot { u32 flags, lower, upper, boot_device, command_line, modules, module_list, symbols[4], map_bytes, map; };
struct multiboot_range { u32 size; u64 start, bytes; u32 type; } __attribute__((packed));

extern u64 boot_info;
extern u32 boot_protocol;
const char *command_line = "", *boot_name = "pvh";
u64 boot_rsdp;
static u64 usable;

/* E820 types, ACPI 6.4 table 15.4; 12 is Linux's "persistent (type 12)". */
static const char *kind(u32 type)
{
	switch (type) {
	case 1: return "usable";
	case 2: return "reserved";
	case 3: return "acpi-reclaimable";
	case 4: return "acpi-nvs";
	case 5: return "unusable";
	case 7: case 12: return "pmem";
	default: return "other";
	}
}

static void range(u64 start, u64 bytes, u32 type, bool report)
{
	if (type == 1)
		usable += bytes;
	if (!report)
		return;
	json_begin("memory");
	json_number("start", start);
	json_number("bytes", bytes);
	json_text("kind", kind(type));
	json_end();
}

static void walk(bool report)
{
	usable = 0;
	if (boot_protocol == 1) {
		const struct pvh *info = AT(const struct pvh, boot_info);
		const struct pvh_range *ranges = AT(const struct pvh_range, info->memory_map);
		for (u32 i = 0; info->version >= 1 && i < info->memory_map_entries; i++)
			range(ranges[i].start, ranges[i].bytes, ranges[i].type, report);
		return;
	}
	const struct multiboot *info = AT(const struct multiboot, boot_info);
	for (u64 at = info->map; at < (u64)info->map + info->map_bytes;) {
		const struct multiboot_range *r = AT(const struct multiboot_range, at);
		range(r->start, r->bytes, r->type, report);
		at += r->size + 4;
	}
}

void report_memory(void) { walk(true); }

u64 usable_bytes(void)
{
	walk(false);
	return usable;
}

/* Multiboot's command line begins with the name of the kernel file. */
static const char *after_name(const char *text)
{
	while (*text && *text != ' ')
		text++;
	return *text ? text + 1 : text;
}

void boot_info_init(void)
{
	if (boot_protocol == 1) {
		const struct pvh *info = AT(const struct pvh, boot_info);
		if (info->command_line)
			command_line = AT(const char, info->command_line);
		boot_rsdp = info->rsdp;
		return;
	}
	boot_name = "multiboot";
	const struct multiboot *info = AT(const struct multiboot, boot_info);
	if (info->flags & 4)
		command_line = after_name(AT(const char, info->command_line));
}
