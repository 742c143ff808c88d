/* Nodes: SRAT (ACPI 6.4, 5.2.16), SLIT (5.2.17), HMAT (5.2.28). */
#include "probe.h"

enum { NODES = 256, CPU = 0, MEMORY = 1, X2APIC = 2, GENERIC_INITIATOR = 5 };

static struct { bool known; u32 cpus; u64 bytes; } nodes[NODES];

static u16 read16(const u8 *p) { u16 v; memcpy(&v, p, 2); return v; }
static u32 read32(const u8 *p) { u32 v; memcpy(&v, p, 4); return v; }
static u64 read64(const u8 *p) { u64 v; memcpy(&v, p, 8); return v; }

/* Walks the entries of a table; `at` is the offset of the next one. */
static const u8 *next_entry(const struct acpi_header *table, u32 *at)
{
	const u8 *entry = (const u8 *)table + *at;
	if (*at + 2 > table->length || entry[1] == 0)
		return NULL;
	*at += entry[1];
	return entry;
}

bool has_affinity(void) { return acpi_table("SRAT") != NULL; }

int node_of_cpu(u32 apic_id)
{
	const struct acpi_header *srat = acpi_table("SRAT");
	u32 at = 48;
	for (const u8 *e; srat && (e = next_entry(srat, &at));) {
		if (e[0] == CPU && e[3] == apic_id)
			return e[2] | e[9] << 8 | e[10] << 16 | e[11] << 24;
		if (e[0] == X2APIC && read32(e + 8) == apic_id)
			return (int)read32(e + 4);
	}
	return -1;
}

static void memory_range(const u8 *e)
{
	u32 node = read32(e + 2), flags = read32(e + 28);
	u64 bytes = read64(e + 16);
	if (bytes == 0)
		return;
	json_begin("srat-memory");
	json_number("node", node);
	json_number("start", read64(e + 8));
	json_number("bytes", bytes);
	json_bool("enabled", flags & 1);
	json_bool("hotplug", flags & 2);
	json_bool("nonVolatile", flags & 4);
	json_end();
	if (node < NODES && (flags & 1)) {
		nodes[node].known = true;
		if (!(flags & 6))
			nodes[node].bytes += bytes;
	}
}

static void srat(const struct acpi_header *table)
{
	u32 at = 48;
	for (const u8 *e; (e = next_entry(table, &at));) {
		u32 node = e[0] == CPU ? (u32)(e[2] | e[9] << 8 | e[10] << 16 | e[11] << 24) : read32(e + 4);
		bool enabled = e[0] == CPU ? e[4] & 1 : e[0] == X2APIC ? e[12] & 1 : false;
		if (e[0] == MEMORY)
			memory_range(e);
		if ((e[0] == CPU || e[0] == X2APIC) && enabled && node < NODES) {
			nodes[node].known = true;
			nodes[node].cpus++;
		}
		if (e[0] == GENERIC_INITIATOR && node < NODES)
			nodes[node].known = true;
	}
}

static void slit(const struct acpi_header *table)
{
	const u8 *body = (const u8 *)(table + 1);
	u64 count = read64(body);
	for (u64 from = 0; from < count && from < NODES; from++)
		for (u64 to = 0; to < count && to < NODES; to++) {
			nodes[from].known = true;
			json_begin("distance");
			json_number("from", from);
			json_number("to", to);
			json_number("value", body[8 + from * count + to]);
			json_end();
		}
}

/* System locality latency and bandwidth (5.2.28.4). Latency comes in picoseconds, bandwidth in MiB per second. */
static void locality(const u8 *e)
{
	static const char *const hierarchies[] = { "memory", "first-level", "second-level", "third-level" };
	static const char *const types[] = { "access-latency", "read-latency", "write-latency", "access-bandwidth", "read-bandwidth", "write-bandwidth" };
	u32 initiators = read32(e + 12), targets = read32(e + 16);
	u64 unit = read64(e + 24) << (e[9] >= 3 ? 20 : 0);
	const u8 *initiator = e + 32, *target = initiator + 4 * initiators, *values = target + 4 * targets;
	for (u32 i = 0; i < initiators; i++)
		for (u32 t = 0; t < targets; t++) {
			u16 value = read16(values + 2 * (i * targets + t));
			if (value == 0 || value == 0xffff || (e[8] & 15) > 3 || e[9] > 5)
				continue;
			json_begin("hmat");
			json_number("initiator", read32(initiator + 4 * i));
			json_number("target", read32(target + 4 * t));
			json_text("hierarchy", hierarchies[e[8] & 15]);
			json_text("type", types[e[9]]);
			json_number("value", value * unit);
			json_end();
		}
}

static void hmat(const struct acpi_header *table)
{
	for (u32 at = 40; at + 8 <= table->length;) {
		const u8 *e = (const u8 *)table + at;
		u32 length = read32(e + 4);
		if (length == 0)
			return;
		if (read16(e) == 1)
			locality(e);
		at += length;
	}
}

void report_nodes(void)
{
	const struct acpi_header *table = acpi_table("SRAT");
	if (table)
		srat(table);
	else {
		/* No SRAT: one node with all CPUs and what the memory map calls usable. */
		nodes[0].known = true;
		nodes[0].cpus = smp_listed();
		nodes[0].bytes = usable_bytes();
	}
	if ((table = acpi_table("SLIT")))
		slit(table);
	for (u32 i = 0; i < NODES; i++) {
		if (!nodes[i].known)
			continue;
		json_begin("node");
		json_number("node", i);
		json_number("cpus", nodes[i].cpus);
		json_number("bytes", nodes[i].bytes);
		json_end();
	}
	if ((table = acpi_table("HMAT")))
		hmat(table);
}
