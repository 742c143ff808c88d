#include "virtio-pmem.h"

#include "json.h"
#include "virtio.h"

enum { IDS = 0x00 };
/* 5.19.4: where the memory begins, and how much it is, 64 bits each */
enum { CONFIG_START = 0, CONFIG_BYTES = 8 };
static const uint32_t virtio_pmem_ids = 0x105b1af4;

static void report_config64(struct pci_address at, const char *key, unsigned offset)
{
    uint32_t low, high;
    if (!virtio_config32(at, offset, &low) || !virtio_config32(at, offset + 4, &high))
        json_null(key);
    else
        json_number(key, (uint64_t)high << 32 | low);
}

void virtio_pmem_report(struct pci_address at)
{
    if (pci_read32(at, IDS) != virtio_pmem_ids)
        return;
    json_open("virtio-pmem");
    pci_json_address(at);
    report_config64(at, "start", CONFIG_START);
    report_config64(at, "bytes", CONFIG_BYTES);
    json_close();
}
