/* Finds ACPI tables (ACPI 6.4, 5.2.5 to 5.2.8), and powers off by S5 (4.8.3.2). */
#include "probe.h"

struct rsdp { char signature[8]; u8 checksum; char oem[6]; u8 revision; u32 rsdt, length; u64 xsdt; } __attribute__((packed));
struct fadt { struct acpi_header header; u32 facs, dsdt; u8 reserved, profile; u16 sci; u32 smi; u8 enable, disable, s4, pstate; u32 pm1a_event, pm1b_event, pm1a_control, pm1b_control; } __attribute__((packed));

static const struct rsdp *root;

static const struct rsdp *scan(u64 from, u64 to)
{
	for (u64 at = from; at < to; at += 16)
		if (memcmp(AT(const void, at), "RSD PTR ", 8) == 0)
			return AT(const struct rsdp, at);
	return NULL;
}

void acpi_init(void)
{
	u64 ebda = (u64)*AT(const volatile u16, 0x40e) << 4;
	root = boot_rsdp ? AT(const struct rsdp, boot_rsdp) : NULL;
	if (!root)
		root = scan(0xe0000, 0x100000);
	if (!root && ebda >= 0x80000 && ebda < 0xa0000)
		root = scan(ebda, ebda + 1024);
}

const struct acpi_header *acpi_table(const char *signature)
{
	if (!root)
		return NULL;
	bool wide = root->revision >= 2 && root->xsdt;
	const struct acpi_header *list = AT(const struct acpi_header, wide ? root->xsdt : root->rsdt);
	const u8 *entries = (const u8 *)(list + 1);
	u32 width = wide ? 8 : 4;
	for (u32 at = 0; at + width <= list->length - sizeof *list; at += width) {
		u64 address = 0;
		memcpy(&address, entries + at, width);
		map(address, sizeof *list);
		const struct acpi_header *table = AT(const struct acpi_header, address);
		if (memcmp(table->signature, signature, 4) == 0) {
			map(address, table->length);
			return table;
		}
	}
	return NULL;
}

/* The \_S5 package in the DSDT: NameOp "_S5_" PackageOp length count value (ACPI 6.4, 20.2). */
static u16 sleep_type(const struct fadt *fadt)
{
	const struct acpi_header *dsdt = AT(const struct acpi_header, fadt->dsdt);
	const u8 *bytes = (const u8 *)dsdt;
	for (u32 i = sizeof *dsdt; i + 8 < dsdt->length; i++)
		if (memcmp(bytes + i, "_S5_", 4) == 0 && bytes[i + 4] == 0x12) {
			const u8 *value = bytes + i + 7;
			return *value == 0x0a ? value[1] : *value;
		}
	return 0;
}

void acpi_power_off(void)
{
	const struct fadt *fadt = (const struct fadt *)acpi_table("FACP");
	if (!fadt)
		return;
	out16((u16)fadt->pm1a_control, (u16)(sleep_type(fadt) << 10 | 1 << 13));
}
