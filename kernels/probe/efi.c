/* Entry of probe.efi: reads from the firmware what other loaders pass on, exits boot services, and starts as they do. */
#include "efi.h"

#include <stdbool.h>
#include <stddef.h>

#include "boot-layout.h"
#include "boot.h"
#include "memory.h"
#include "text.h"

extern uint32_t boot_protocol;
_Noreturn void efi_leave(void);

static const struct efi_guid acpi_2 = { 0x8868e871, 0xe4f1, 0x11d3, { 0xbc, 0x22, 0, 0x80, 0xc7, 0x3c, 0x88, 0x81 } };
static const struct efi_guid acpi_1 = { 0xeb9d2d30, 0x2d88, 0x11d3, { 0x9a, 0x16, 0, 0x90, 0x27, 0x3f, 0xc1, 0x4d } };
static const struct efi_guid loaded_image = { 0x5b1b31a1, 0x9562, 0x11d2,
                                              { 0x8e, 0x3f, 0, 0xa0, 0xc9, 0x69, 0x72, 0x3b } };
static const struct efi_guid file_system = { 0x964e5b22, 0x6459, 0x11d2,
                                             { 0x8e, 0x39, 0, 0xa0, 0xc9, 0x69, 0x72, 0x3b } };

static uint64_t find_table(const struct efi_system_table *system, const struct efi_guid *guid)
{
    for (uint64_t i = 0; i < system->table_count; i++)
        if (memcmp(&system->tables[i].guid, guid, sizeof *guid) == 0)
            return (uint64_t)system->tables[i].table;
    return 0;
}

/* The load options: UTF-16 text, which a shell begins with the name of the program. */
static void take_options(const struct efi_loaded_image *image)
{
    size_t length = 0;
    for (size_t i = 0; i < image->options_bytes / 2 && image->options[i] && length < sizeof boot.cmdline - 1; i++)
        boot.cmdline[length++] = image->options[i] < 0x80 ? (char)image->options[i] : '?';
    const char *rest = boot.cmdline;
    while (*rest && *rest != ' ')
        rest++;
    if (rest - boot.cmdline >= 4 && memcmp(rest - 4, ".efi", 4) == 0)
        text_copy(boot.cmdline, *rest ? rest + 1 : rest, sizeof boot.cmdline);
}

/* Or the file cmdline.txt beside the EFI folder, for firmware that starts the image by itself. */
static void take_file(const struct efi_boot_services *services, efi_handle device)
{
    static const uint16_t name[] = u"\\cmdline.txt";
    struct efi_file_system *volume;
    struct efi_file *root, *file;
    uint64_t bytes = sizeof boot.cmdline - 1;
    if (services->handle_protocol(device, &file_system, (void **)&volume) == EFI_SUCCESS &&
        volume->open_volume(volume, &root) == EFI_SUCCESS &&
        root->open(root, &file, name, EFI_FILE_READ, 0) == EFI_SUCCESS &&
        file->read(file, &bytes, boot.cmdline) != EFI_SUCCESS)
        bytes = 0;
    if (bytes < sizeof boot.cmdline - 1)
        while (bytes && (unsigned char)boot.cmdline[bytes - 1] <= ' ')
            boot.cmdline[--bytes] = 0;
}

static void take_cmdline(const struct efi_boot_services *services, efi_handle handle)
{
    struct efi_loaded_image *image;
    if (services->handle_protocol(handle, &loaded_image, (void **)&image) != EFI_SUCCESS)
        return;
    take_options(image);
    if (!boot.cmdline[0])
        take_file(services, image->device);
}

static enum memory_kind kind_of(uint32_t type)
{
    switch (type) {
    case EFI_LOADER_CODE:
    case EFI_LOADER_DATA:
    case EFI_BOOT_SERVICES_CODE:
    case EFI_BOOT_SERVICES_DATA:
    case EFI_CONVENTIONAL: return MEMORY_USABLE;
    case EFI_UNUSABLE: return MEMORY_UNUSABLE;
    case EFI_ACPI_RECLAIM: return MEMORY_ACPI;
    case EFI_ACPI_NVS: return MEMORY_NVS;
    case EFI_PERSISTENT: return MEMORY_PMEM;
    default: return MEMORY_RESERVED;
    }
}

/* Firmware splits its map by uses that end with it: neighbours of one kind become one range. */
static void take_range(const struct efi_memory_descriptor *entry)
{
    struct memory_range *last = boot.range_count ? &boot.ranges[boot.range_count - 1] : NULL;
    enum memory_kind kind = kind_of(entry->type);
    if (last && last->kind == kind && last->start + last->bytes == entry->physical)
        last->bytes += entry->pages * 4096;
    else
        boot_add_range(entry->physical, entry->pages * 4096, kind);
}

/* The map's key goes stale whenever the firmware allocates: so both calls again until it is the right one. */
static bool leave_boot_services(const struct efi_boot_services *services, efi_handle handle)
{
    static uint8_t map[64 * 1024] __attribute__((aligned(8)));
    for (unsigned tries = 0; tries < 8; tries++) {
        uint64_t bytes = sizeof map, key, entry_bytes;
        uint32_t version;
        if (services->get_memory_map(&bytes, map, &key, &entry_bytes, &version) != EFI_SUCCESS)
            return false;
        if (services->exit_boot_services(handle, key) != EFI_SUCCESS)
            continue;
        for (uint64_t at = 0; at < bytes; at += entry_bytes)
            take_range((const void *)(map + at));
        return true;
    }
    return false;
}

EFI_CALL efi_status efi_main(efi_handle handle, const struct efi_system_table *system);
EFI_CALL efi_status efi_main(efi_handle handle, const struct efi_system_table *system)
{
    const efi_status aborted = 1ull << 63 | 21;
    boot.protocol = "efi";
    boot_protocol = BOOT_BY_EFI;
    boot.rsdp = find_table(system, &acpi_2);
    if (!boot.rsdp)
        boot.rsdp = find_table(system, &acpi_1);
    take_cmdline(system->boot_services, handle);
    if (!leave_boot_services(system->boot_services, handle))
        return aborted;
    efi_leave();
}
