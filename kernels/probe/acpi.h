/* ACPI tables as they lie in memory. Section numbers are those of the ACPI specification, version 6.4. */
#ifndef ACPI_H
#define ACPI_H

#include <stdint.h>

#define PACKED __attribute__((packed))

/* 5.2.6: before every table but the RSDP */
struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} PACKED;

/* Before each entry of MADT, SRAT (5.2.12, 5.2.16): type, length in one byte each */
struct acpi_entry8 {
    uint8_t type, length;
} PACKED;

/* 5.2.9 FADT, as far as it is used */
struct acpi_fadt {
    struct acpi_header header;
    uint32_t facs, dsdt;
    uint8_t reserved[12];
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control;
} PACKED;

/* 5.2.12 MADT */
struct acpi_madt {
    struct acpi_header header;
    uint32_t local_apic, flags;
} PACKED;

enum { MADT_LOCAL_APIC = 0, MADT_LOCAL_X2APIC = 9 };
enum { MADT_ENABLED = 1, MADT_ONLINE_CAPABLE = 2 };

/* 5.2.12.2 */
struct madt_local_apic {
    struct acpi_entry8 entry;
    uint8_t processor, apic_id;
    uint32_t flags;
} PACKED;

/* 5.2.12.12 */
struct madt_local_x2apic {
    struct acpi_entry8 entry;
    uint16_t reserved;
    uint32_t apic_id, flags, processor;
} PACKED;

/* 5.2.16 SRAT */
struct acpi_srat {
    struct acpi_header header;
    uint8_t reserved[12];
} PACKED;

enum { SRAT_LOCAL_APIC = 0, SRAT_MEMORY = 1, SRAT_LOCAL_X2APIC = 2, SRAT_GENERIC_INITIATOR = 5 };
enum { SRAT_ENABLED = 1, SRAT_HOTPLUG = 2, SRAT_NON_VOLATILE = 4 };

/* 5.2.16.1 */
struct srat_local_apic {
    struct acpi_entry8 entry;
    uint8_t domain_low, apic_id;
    uint32_t flags;
    uint8_t sapic_eid, domain_high[3];
    uint32_t clock_domain;
} PACKED;

/* 5.2.16.2 */
struct srat_memory {
    struct acpi_entry8 entry;
    uint32_t domain;
    uint16_t reserved1;
    uint64_t start, bytes;
    uint32_t reserved2, flags;
    uint64_t reserved3;
} PACKED;

/* 5.2.16.3 */
struct srat_local_x2apic {
    struct acpi_entry8 entry;
    uint16_t reserved1;
    uint32_t domain, apic_id, flags, clock_domain, reserved2;
} PACKED;

/* 5.2.16.6 */
struct srat_generic_initiator {
    struct acpi_entry8 entry;
    uint8_t reserved1, device_type;
    uint32_t domain;
    uint8_t device[16];
    uint32_t flags, reserved2;
} PACKED;

/* 5.2.17 SLIT */
struct acpi_slit {
    struct acpi_header header;
    uint64_t domains;
    uint8_t distances[];
} PACKED;

/* 5.2.25 NFIT */
struct acpi_nfit {
    struct acpi_header header;
    uint32_t reserved;
} PACKED;

enum { NFIT_RANGE = 0, NFIT_MAPPING = 1, NFIT_FLUSH_HINTS = 6, NFIT_CAPABILITIES = 7 };

/* Before each NFIT structure (5.2.25.1) */
struct nfit_entry {
    uint16_t type, length;
} PACKED;

/* 5.2.25.2 System Physical Address range */
struct nfit_range {
    struct nfit_entry entry;
    uint16_t index, flags;
    uint32_t reserved, domain;
    uint8_t type[16];
    uint64_t start, bytes, attributes;
} PACKED;

enum { NFIT_RANGE_DOMAIN_VALID = 2 };

/* 5.2.25.3 NVDIMM region mapping */
struct nfit_mapping {
    struct nfit_entry entry;
    uint32_t handle;
    uint16_t physical_id, region_id, range_index, control_index;
    uint64_t bytes, offset, dimm_address;
    uint16_t interleave_index, interleave_ways, state;
    uint16_t reserved;
} PACKED;

enum { NFIT_STATE_NOT_ARMED = 1 << 3 };

/* 5.2.25.8 Flush hint addresses */
struct nfit_flush_hints {
    struct nfit_entry entry;
    uint32_t handle;
    uint16_t count;
    uint8_t reserved[6];
    uint64_t addresses[];
} PACKED;

/* 5.2.25.9 Platform capabilities */
struct nfit_capabilities {
    struct nfit_entry entry;
    uint8_t highest_valid_bit, reserved1[3];
    uint32_t capabilities, reserved2;
} PACKED;

enum { NFIT_FLUSHES_CPU_CACHE = 1, NFIT_FLUSHES_MEMORY_CONTROLLER = 2 };

/* CXL 3.0, 9.17.1: the CXL Early Discovery Table is a header and entries like this */
struct cedt_entry {
    uint8_t type, reserved;
    uint16_t length;
} PACKED;

enum { CEDT_HOST_BRIDGE = 0, CEDT_WINDOW = 1 };

/* 9.17.1.2 CHBS */
struct cedt_host_bridge {
    struct cedt_entry entry;
    uint32_t uid, version, reserved;
    uint64_t base, bytes;
} PACKED;

/* 9.17.1.3 CFMWS; the UIDs of its host bridges follow */
struct cedt_window {
    struct cedt_entry entry;
    uint32_t reserved1;
    uint64_t base, bytes;
    uint8_t interleave_ways, arithmetic;
    uint16_t reserved2;
    uint32_t granularity;
    uint16_t restrictions, qtg;
} PACKED;

/* 5.2.27 HMAT */
struct acpi_hmat {
    struct acpi_header header;
    uint32_t reserved;
} PACKED;

enum { HMAT_DOMAIN = 0, HMAT_LATENCY_BANDWIDTH = 1, HMAT_CACHE = 2 };

/* Before each HMAT structure */
struct hmat_entry {
    uint16_t type, reserved;
    uint32_t length;
} PACKED;

/* 5.2.27.3 Memory proximity domain attributes */
struct hmat_domain {
    struct hmat_entry entry;
    uint16_t flags, reserved1;
    uint32_t initiator, memory;
    uint8_t reserved2[20];
} PACKED;

enum { HMAT_INITIATOR_VALID = 1 };

/* 5.2.27.4 System locality latency and bandwidth; then the initiators, the targets, and a 16-bit matrix */
struct hmat_latency_bandwidth {
    struct hmat_entry entry;
    uint8_t flags, data_type, transfer_bytes, reserved1;
    uint32_t initiators, targets, reserved2;
    uint64_t base_unit;
    uint32_t domains[];
} PACKED;

/* 5.2.27.5 Memory side cache */
struct hmat_cache {
    struct hmat_entry entry;
    uint32_t memory, reserved1;
    uint64_t bytes;
    uint32_t attributes;
    uint16_t reserved2, smbios_handles;
} PACKED;

/* PCI Firmware Specification 3.2, 4.1.2: MCFG */
struct mcfg_range {
    uint64_t base;
    uint16_t segment;
    uint8_t first_bus, last_bus;
    uint32_t reserved;
} PACKED;

struct acpi_mcfg {
    struct acpi_header header;
    uint64_t reserved;
    struct mcfg_range ranges[];
} PACKED;

/* Finds the root table, from the loader's word or by looking where firmware leaves it. */
void acpi_init(void);
/* The table of this signature, `skip` of them passed over; NULL if there is none or its checksum is wrong. */
const struct acpi_header *acpi_find(const char *signature, unsigned skip);
/* The table at a physical address, mapped; NULL if it is not a sound table. */
const struct acpi_header *acpi_at(uint64_t address);

#endif
