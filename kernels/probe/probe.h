/* What the parts of the probe kernel know of each other. */
#ifndef PROBE_H
#define PROBE_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long size_t;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

/* A physical address as a pointer: all memory below 4 GiB is mapped one to one, the rest after map(). */
#define AT(type, address) ((type *)(unsigned long)(address))

static inline void out8(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline void out16(u16 port, u16 value) { __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port)); }
static inline void out32(u16 port, u32 value) { __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }
static inline u8 in8(u16 port) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline u16 in16(u16 port) { u16 v; __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline u32 in32(u16 port) { u32 v; __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline u64 ticks(void) { u32 lo, hi; __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)); return ((u64)hi << 32) | lo; }
static inline void pause(void) { __asm__ volatile("pause" ::: "memory"); }

struct cpuid { u32 eax, ebx, ecx, edx; };
static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid r;
	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	return r;
}

/* text.c */
void *memset(void *to, int byte, size_t length);
void *memcpy(void *to, const void *from, size_t length);
int memcmp(const void *a, const void *b, size_t length);
size_t strlen(const char *text);
bool starts_with(const char *text, const char *prefix);
const char *word(const char *name);                    /* value of a command line word: "" if bare, NULL if absent */
u64 number(const char *digits);                        /* decimal or 0x; k, m, g suffix */

/* serial.c */
void serial_init(u16 port);
void serial_write(const char *bytes, size_t length);
bool serial_read(char *byte);
bool serial_present(u16 port);
void print(const char *text);
void print_number(u64 value);

/* json.c: one object a line, `"t"` first */
void json_begin(const char *type);
void json_number(const char *key, u64 value);
void json_text(const char *key, const char *value);
void json_hex(const char *key, u32 value, int digits);
void json_bool(const char *key, bool value);
void json_null(const char *key);
void json_end(void);

/* idt.c */
void idt_init(void);
void idt_load(void);
extern volatile u32 timer_interrupts;
extern volatile u32 breakpoints;
bool try_load(const void *address, u64 *value);
bool try_store(void *address, u64 value);

/* paging.c */
void map(u64 physical, u64 bytes);

/* boot_info.c */
extern const char *command_line;
extern const char *boot_name;
extern u64 boot_rsdp;
void boot_info_init(void);
void report_memory(void);
u64 usable_bytes(void);

/* acpi.c */
struct acpi_header { char signature[4]; u32 length; u8 revision, checksum; char oem[6], oem_table[8]; u32 oem_revision; char creator[4]; u32 creator_revision; } __attribute__((packed));
const struct acpi_header *acpi_table(const char *signature);
void acpi_init(void);
void acpi_power_off(void);

/* affinity.c: SRAT, SLIT, HMAT */
bool has_affinity(void);
int node_of_cpu(u32 apic_id);                          /* -1 without an SRAT entry */
void report_nodes(void);

/* smp.c */
u32 smp_start(void);                                   /* CPUs in long mode, this one included */
u32 smp_listed(void);                                  /* CPUs that the MADT says are enabled */
void report_cpus(void);
void lapic_timer(u32 count);

/* nvdimm.c, pci.c, selftest.c, modes.c */
void report_nvdimms(void);
u64 highest_boot_count(void);
void report_pci(void);
bool pci_find(u16 vendor, u16 device, u32 *bus_device_function);
u32 pci_read(u32 bus_device_function, u8 offset);
void pci_write(u32 bus_device_function, u8 offset, u32 value);
void selftest(bool announce);
void run_modes_before_report(void);
void run_modes_after_report(void);
void leave(u8 code) __attribute__((noreturn));
void halt(void) __attribute__((noreturn));

#endif
