/* The few interfaces of UEFI that are used. Section numbers are those of the UEFI specification, version 2.9. */
#ifndef EFI_H
#define EFI_H

#include <stdint.h>

#define EFI_CALL __attribute__((ms_abi))

typedef uint64_t efi_status;
typedef void *efi_handle;

enum { EFI_SUCCESS = 0 };

struct efi_guid {
    uint32_t a;
    uint16_t b, c;
    uint8_t d[8];
};

/* 7.2.3 */
struct efi_memory_descriptor {
    uint32_t type, padding;
    uint64_t physical, virtual, pages, attributes;
};

enum efi_memory_type {
    EFI_LOADER_CODE = 1,
    EFI_LOADER_DATA = 2,
    EFI_BOOT_SERVICES_CODE = 3,
    EFI_BOOT_SERVICES_DATA = 4,
    EFI_CONVENTIONAL = 7,
    EFI_UNUSABLE = 8,
    EFI_ACPI_RECLAIM = 9,
    EFI_ACPI_NVS = 10,
    EFI_PERSISTENT = 14,
};

/* 4.4: offsets counted in pointers after the 24-byte header */
struct efi_boot_services {
    uint8_t header[24];
    void *unused1[4];
    efi_status(EFI_CALL *get_memory_map)(uint64_t *bytes, void *map, uint64_t *key, uint64_t *entry_bytes,
                                         uint32_t *version);
    void *unused2[11];
    efi_status(EFI_CALL *handle_protocol)(efi_handle handle, const struct efi_guid *protocol, void **interface);
    void *unused3[9];
    efi_status(EFI_CALL *exit_boot_services)(efi_handle image, uint64_t key);
};

/* 4.6 */
struct efi_configuration_table {
    struct efi_guid guid;
    const void *table;
};

/* 4.3 */
struct efi_system_table {
    uint8_t header[24];
    void *unused[9];
    struct efi_boot_services *boot_services;
    uint64_t table_count;
    const struct efi_configuration_table *tables;
};

/* 9.1 */
struct efi_loaded_image {
    void *unused1[3];
    efi_handle device;
    void *unused2[2];
    uint32_t options_bytes, padding;
    const uint16_t *options;
};

/* 13.5 */
struct efi_file {
    uint64_t revision;
    efi_status(EFI_CALL *open)(struct efi_file *self, struct efi_file **opened, const uint16_t *name, uint64_t mode,
                               uint64_t attributes);
    void *unused[2];
    efi_status(EFI_CALL *read)(struct efi_file *self, uint64_t *bytes, void *to);
};

enum { EFI_FILE_READ = 1 };

/* 13.4 */
struct efi_file_system {
    uint64_t revision;
    efi_status(EFI_CALL *open_volume)(struct efi_file_system *self, struct efi_file **root);
};

#endif
