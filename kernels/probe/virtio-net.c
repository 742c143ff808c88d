#include "virtio-net.h"

#include "clock.h"
#include "cpu.h"
#include "memory.h"
#include "virtio.h"

enum { IDS = 0x00, COMMAND = 0x04, BUS_MASTER = 4, INTERRUPT_DISABLE = 1 << 10 };
static const uint32_t transitional_ids = 0x10001af4, modern_ids = 0x10411af4;

/* 4.1.4.3: struct virtio_pci_common_cfg */
enum {
    DEVICE_FEATURE_SELECT = 0,
    DEVICE_FEATURE = 4,
    DRIVER_FEATURE_SELECT = 8,
    DRIVER_FEATURE = 12,
    DEVICE_STATUS = 20,
    QUEUE_SELECT = 22,
    QUEUE_SIZE = 24,
    QUEUE_ENABLE = 28,
    QUEUE_NOTIFY_OFFSET = 30,
    QUEUE_DESCRIPTORS = 32,
    QUEUE_AVAILABLE = 40,
    QUEUE_USED = 48,
};
/* 2.1 */
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };
/* Bits 32 and 33. A device that offers the second one may insist on it; addresses stay physical without an IOMMU. */
enum { FEATURES_HIGH = 1, VERSION_1 = 1 << 0, ACCESS_PLATFORM = 1 << 1 };
/* 5.1.2, and 5.1.6: the header in front of each frame, all zeros when sent */
enum { RECEIVE = 0, TRANSMIT = 1, HEADER = 12, BUFFER = 2048 };
enum { ENTRIES = 16, DEVICE_WRITES = 2, NO_INTERRUPT = 1, RESET_MS = 10000 };

/* 2.7: the three parts of a split queue */
struct queue {
    struct {
        uint64_t address;
        uint32_t bytes;
        uint16_t flags, next;
    } descriptors[ENTRIES];
    struct {
        uint16_t flags, index, ring[ENTRIES];
    } available;
    struct {
        uint16_t flags, index;
        struct {
            uint32_t id, bytes;
        } ring[ENTRIES];
    } used __attribute__((aligned(4)));
};

/* Physical addresses: the kernel's memory is mapped as it is. */
static volatile struct queue queues[2] __attribute__((aligned(16)));
static uint8_t received[ENTRIES][BUFFER], sent[BUFFER];

static struct {
    struct pci_address at;
    uint8_t mac[6];
    /* By queue: the used entries that were looked at, and the offset of the register to notify. */
    uint16_t seen[2];
    uint32_t notify[2];
} card;

/* Orders accesses to buffers and queues: x86 keeps this order itself, the compiler does not. */
static void keep_order(void)
{
    __atomic_thread_fence(__ATOMIC_ACQ_REL);
}

static uint32_t common_read(unsigned offset, unsigned bytes)
{
    uint32_t value = 0;
    virtio_read(card.at, VIRTIO_COMMON, offset, bytes, &value);
    return value;
}

static void common_write(unsigned offset, unsigned bytes, uint32_t value)
{
    virtio_write(card.at, VIRTIO_COMMON, offset, bytes, value);
}

static void common_address(unsigned offset, const volatile void *address)
{
    common_write(offset, 4, (uint32_t)(uint64_t)address);
    common_write(offset + 4, 4, (uint32_t)((uint64_t)address >> 32));
}

static bool reset(void)
{
    uint64_t deadline = clock_deadline(RESET_MS);
    common_write(DEVICE_STATUS, 1, 0);
    while (common_read(DEVICE_STATUS, 1))
        if (clock_passed(deadline))
            return false;
    return true;
}

/* Nothing but the format of version 1: no offloads, no merged buffers, no control queue. */
static bool agree_features(void)
{
    common_write(DEVICE_FEATURE_SELECT, 4, FEATURES_HIGH);
    uint32_t offered = common_read(DEVICE_FEATURE, 4);
    common_write(DRIVER_FEATURE_SELECT, 4, 0);
    common_write(DRIVER_FEATURE, 4, 0);
    common_write(DRIVER_FEATURE_SELECT, 4, FEATURES_HIGH);
    common_write(DRIVER_FEATURE, 4, offered & (VERSION_1 | ACCESS_PLATFORM));
    common_write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    return offered & VERSION_1 && common_read(DEVICE_STATUS, 1) & FEATURES_OK;
}

static bool start_queue(unsigned number)
{
    volatile struct queue *queue = &queues[number];
    memset((void *)queue, 0, sizeof *queue);
    queue->available.flags = NO_INTERRUPT;
    common_write(QUEUE_SELECT, 2, number);
    if (common_read(QUEUE_SIZE, 2) < ENTRIES)
        return false;
    common_write(QUEUE_SIZE, 2, ENTRIES);
    common_address(QUEUE_DESCRIPTORS, queue->descriptors);
    common_address(QUEUE_AVAILABLE, &queue->available);
    common_address(QUEUE_USED, &queue->used);
    card.seen[number] = 0;
    card.notify[number] = common_read(QUEUE_NOTIFY_OFFSET, 2) * virtio_notify_step(card.at);
    common_write(QUEUE_ENABLE, 2, 1);
    return true;
}

/* Hands a descriptor to the device. */
static void offer(unsigned number, uint16_t id)
{
    volatile struct queue *queue = &queues[number];
    queue->available.ring[queue->available.index % ENTRIES] = id;
    keep_order();
    queue->available.index++;
    keep_order();
    virtio_write(card.at, VIRTIO_NOTIFY, card.notify[number], 2, number);
}

static void offer_buffers(void)
{
    for (uint16_t id = 0; id < ENTRIES; id++) {
        queues[RECEIVE].descriptors[id].address = (uint64_t)received[id];
        queues[RECEIVE].descriptors[id].bytes = BUFFER;
        queues[RECEIVE].descriptors[id].flags = DEVICE_WRITES;
        offer(RECEIVE, id);
    }
}

static bool read_mac(void)
{
    uint32_t low, high;
    if (!virtio_config32(card.at, 0, &low) || !virtio_config32(card.at, 4, &high))
        return false;
    memcpy(card.mac, &low, 4);
    memcpy(card.mac + 4, &high, 2);
    return true;
}

static bool start(void)
{
    pci_write16(card.at, COMMAND, pci_read16(card.at, COMMAND) | BUS_MASTER | INTERRUPT_DISABLE);
    if (!reset())
        return false;
    common_write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER);
    if (!agree_features() || !read_mac() || !start_queue(RECEIVE) || !start_queue(TRANSMIT))
        return false;
    common_write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    offer_buffers();
    return true;
}

static bool is_wanted(struct pci_address at, int slot, void *left)
{
    (void)slot;
    uint32_t ids = pci_read32(at, IDS);
    if ((ids != transitional_ids && ids != modern_ids) || (*(unsigned *)left)--)
        return false;
    card.at = at;
    return true;
}

bool virtio_net_open(unsigned number)
{
    return pci_walk(is_wanted, &number) && start();
}

const uint8_t *virtio_net_mac(void)
{
    return card.mac;
}

/* The next entry that the device is done with, or false. */
static bool take_used(unsigned number, uint32_t *id, uint32_t *bytes)
{
    volatile struct queue *queue = &queues[number];
    if (queue->used.index == card.seen[number])
        return false;
    keep_order();
    *id = queue->used.ring[card.seen[number] % ENTRIES].id;
    *bytes = queue->used.ring[card.seen[number] % ENTRIES].bytes;
    card.seen[number]++;
    return true;
}

bool virtio_net_send(const void *frame, size_t bytes, uint64_t deadline)
{
    uint32_t id, written;
    /* After a deadline the device may still have the buffer. */
    while (queues[TRANSMIT].available.index != card.seen[TRANSMIT]) {
        take_used(TRANSMIT, &id, &written);
        if (clock_passed(deadline))
            return false;
    }
    if (bytes > BUFFER - HEADER)
        return false;
    memset(sent, 0, HEADER);
    memcpy(sent + HEADER, frame, bytes);
    queues[TRANSMIT].descriptors[0].address = (uint64_t)sent;
    queues[TRANSMIT].descriptors[0].bytes = HEADER + (uint32_t)bytes;
    offer(TRANSMIT, 0);
    while (!take_used(TRANSMIT, &id, &written)) {
        if (clock_passed(deadline))
            return false;
        cpu_relax();
    }
    return true;
}

size_t virtio_net_receive(void *frame, size_t capacity)
{
    uint32_t id, bytes;
    if (!take_used(RECEIVE, &id, &bytes) || id >= ENTRIES)
        return 0;
    size_t length = bytes > HEADER && bytes <= BUFFER ? bytes - HEADER : 0;
    memcpy(frame, received[id] + HEADER, length < capacity ? length : capacity);
    keep_order();
    offer(RECEIVE, (uint16_t)id);
    return length;
}

void virtio_net_close(void)
{
    reset();
}
