/* PCI functions by configuration mechanism 1 (PCI 3.0, 3.2.2.3.2), on every bus that bridges lead to. */
#include "probe.h"

u32 pci_read(u32 bdf, u8 offset)
{
	out32(0xcf8, 0x80000000u | bdf << 8 | (offset & 0xfc));
	return in32(0xcfc);
}

void pci_write(u32 bdf, u8 offset, u32 value)
{
	out32(0xcf8, 0x80000000u | bdf << 8 | (offset & 0xfc));
	out32(0xcfc, value);
}

/* Calls back for each function, depth first; stops when the callback says so. */
static bool walk(u32 bus, bool (*visit)(u32 bdf, void *with), void *with)
{
	for (u32 device = 0; device < 32; device++)
		for (u32 function = 0; function < 8; function++) {
			u32 bdf = bus << 8 | device << 3 | function;
			if ((pci_read(bdf, 0) & 0xffff) == 0xffff) {
				if (function == 0)
					break;
				continue;
			}
			u32 type = (pci_read(bdf, 0x0c) >> 16) & 0xff;
			if (visit(bdf, with))
				return true;
			u32 secondary = (pci_read(bdf, 0x18) >> 8) & 0xff;
			/* Firmware that sets up no bridges leaves bus 0 there. */
			if ((type & 0x7f) == 1 && secondary > bus && walk(secondary, visit, with))
				return true;
			if (function == 0 && !(type & 0x80))
				break;
		}
	return false;
}

static bool report(u32 bdf, void *unused)
{
	static const char hex[] = "0123456789abcdef";
	u32 id = pci_read(bdf, 0), class = pci_read(bdf, 8) >> 8, subsystem = pci_read(bdf, 0x2c);
	char address[] = "00:00.0";
	address[0] = hex[bdf >> 12];
	address[1] = hex[(bdf >> 8) & 15];
	address[3] = hex[(bdf >> 7) & 1];
	address[4] = hex[(bdf >> 3) & 15];
	address[6] = hex[bdf & 7];
	(void)unused;
	json_begin("pci");
	json_text("address", address);
	json_hex("vendor", id & 0xffff, 4);
	json_hex("device", id >> 16, 4);
	json_hex("class", class, 6);
	json_hex("subsystemVendor", subsystem & 0xffff, 4);
	json_hex("subsystem", subsystem >> 16, 4);
	json_end();
	return false;
}

void report_pci(void) { walk(0, report, NULL); }

struct wanted { u32 id, found; };

static bool matches(u32 bdf, void *with)
{
	struct wanted *wanted = with;
	if (pci_read(bdf, 0) != wanted->id)
		return false;
	wanted->found = bdf;
	return true;
}

bool pci_find(u16 vendor, u16 device, u32 *bdf)
{
	struct wanted wanted = { (u32)device << 16 | vendor, 0 };
	if (!walk(0, matches, &wanted))
		return false;
	*bdf = wanted.found;
	return true;
}
