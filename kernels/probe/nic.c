#include "nic.h"

#include <stddef.h>

#include "json.h"
#include "paging.h"
#include "virtio.h"

enum { IDS = 0x00, COMMAND = 0x04, MEMORY_SPACE = 2, BAR0 = 0x10, BAR1 = 0x14 };
/* Where registers go that firmware left without an address (qboot does): in the PCI hole of both of QEMU's PC machines. */
enum { SPARE_REGISTERS = 0xfea00000, SPARE_STEP = 0x20000, SPARE_COUNT = 8 };

struct card {
    uint8_t mac[6];
    bool link;
};

static volatile uint32_t *registers_of(struct pci_address at, unsigned bar, unsigned bytes)
{
    static unsigned spares;
    uint32_t address = pci_read32(at, bar) & ~15u;
    if (!address)
        pci_write32(at, bar, address = SPARE_REGISTERS + spares++ % SPARE_COUNT * SPARE_STEP);
    pci_write16(at, COMMAND, pci_read16(at, COMMAND) | MEMORY_SPACE);
    return map(address, bytes);
}

static void put_mac(struct card *card, uint32_t low, uint32_t high)
{
    for (unsigned i = 0; i < 6; i++)
        card->mac[i] = (uint8_t)(i < 4 ? low >> 8 * i : high >> 8 * (i - 4));
}

/* virtio 1.2, 5.1.4: six bytes of MAC, 16 bits of status, of which bit 0 is the link */
static bool read_virtio(struct pci_address at, struct card *card)
{
    uint32_t low, high;
    if (!virtio_config32(at, 0, &low) || !virtio_config32(at, 4, &high))
        return false;
    put_mac(card, low, high);
    card->link = high >> 16 & 1;
    return true;
}

/* Intel 8254x and 82574L, device status and receive address 0: in all of this family at the same place */
static bool read_intel(struct pci_address at, struct card *card)
{
    enum { DEVICE_STATUS = 0x0008, LINK_UP = 2, RECEIVE_ADDRESS_LOW = 0x5400, RECEIVE_ADDRESS_HIGH = 0x5404 };
    volatile uint32_t *registers = registers_of(at, BAR0, RECEIVE_ADDRESS_HIGH + 4);
    if (!registers)
        return false;
    put_mac(card, registers[RECEIVE_ADDRESS_LOW / 4], registers[RECEIVE_ADDRESS_HIGH / 4]);
    card->link = registers[DEVICE_STATUS / 4] & LINK_UP;
    return true;
}

/* vmxnet3 as Linux drives it (drivers/net/vmxnet3/vmxnet3_defs.h): BAR 1 has the registers, a command answers with the link */
static bool read_vmxnet3(struct pci_address at, struct card *card)
{
    enum { COMMAND_REGISTER = 0x20, MAC_LOW = 0x28, MAC_HIGH = 0x30 };
    const uint32_t get_link = 0xf00d0002;
    volatile uint32_t *registers = registers_of(at, BAR1, 0x1000);
    if (!registers)
        return false;
    put_mac(card, registers[MAC_LOW / 4], registers[MAC_HIGH / 4]);
    registers[COMMAND_REGISTER / 4] = get_link;
    card->link = registers[COMMAND_REGISTER / 4] & 1;
    return true;
}

/* RTL8139: the address at 0, the media status at 0x58, of which bit 2 is set while there is no link */
static bool read_rtl8139(struct pci_address at, struct card *card)
{
    enum { MEDIA_STATUS = 0x58, NO_LINK = 4 };
    volatile uint32_t *registers = registers_of(at, BAR1, 0x100);
    if (!registers)
        return false;
    put_mac(card, registers[0], registers[1]);
    card->link = !(registers[MEDIA_STATUS / 4] & NO_LINK);
    return true;
}

static const struct {
    uint32_t ids;
    bool (*read)(struct pci_address at, struct card *card);
} models[] = {
    { 0x10001af4, read_virtio }, { 0x10411af4, read_virtio },   { 0x100e8086, read_intel },
    { 0x10d38086, read_intel },  { 0x07b015ad, read_vmxnet3 }, { 0x813910ec, read_rtl8139 },
};

void nic_json_mac(const char *key, const uint8_t mac[6])
{
    static const char digits[] = "0123456789abcdef";
    char text[] = "00:00:00:00:00:00";
    for (unsigned i = 0; i < 6; i++) {
        text[3 * i] = digits[mac[i] >> 4];
        text[3 * i + 1] = digits[mac[i] & 15];
    }
    json_string(key, text);
}

void nic_report(struct pci_address at)
{
    uint32_t ids = pci_read32(at, IDS);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct card card;
        if (models[i].ids != ids || !models[i].read(at, &card))
            continue;
        json_open("nic");
        pci_json_address(at);
        nic_json_mac("mac", card.mac);
        json_bool("link", card.link);
        json_close();
    }
}
