#include "frames.h"

#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "cmdline.h"
#include "cpu.h"
#include "exit.h"
#include "json.h"
#include "memory.h"
#include "nic.h"
#include "text.h"
#include "virtio-net.h"

enum { MAC = 6, MOST_CLIENTS = 256, REPEAT_MS = 250, DEFAULT_WAIT_S = 1200, MOST_WAIT_S = 1000000 };
enum kind { CALL = 1, ANSWER = 2 };

/* Bytes alone, so that it has no gaps; as long as the shortest Ethernet frame without its check sum. */
struct frame {
    uint8_t to[MAC], from[MAC], type[2];
    uint8_t magic[8], kind, counter[4];
    uint8_t padding[33];
};
_Static_assert(sizeof(struct frame) == 60, "the shortest frame");

static const uint8_t broadcast[MAC] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
/* IEEE 802, local experimental EtherType 1 */
static const uint8_t experiment[2] = { 0x88, 0xb5 };
static const uint8_t magic[8] = { 'B', 'R', 'I', 'N', 'G', 'U', 'P', 0x1a };

static uint64_t deadline;
/* `ignored`: frames that are not of this exchange. */
static struct {
    uint64_t sent, received, ignored;
} counts;

static void open_card(void)
{
    const char *card = cmdline_value("frames-card=");
    if (!virtio_net_open(card ? (unsigned)text_number(card) : 0))
        panic("no virtio network card for frames");
    const char *wait = cmdline_value("frames-wait=");
    uint64_t seconds = wait ? text_number(wait) : DEFAULT_WAIT_S;
    deadline = clock_deadline((uint32_t)(seconds < MOST_WAIT_S ? seconds : MOST_WAIT_S) * 1000);
    memset(&counts, 0, sizeof counts);
    json_stage("frames");
}

static void close_card(void)
{
    virtio_net_close();
    json_open("frames");
    nic_json_mac("own", virtio_net_mac());
    json_number("sent", counts.sent);
    json_number("received", counts.received);
    json_number("ignored", counts.ignored);
    json_close();
}

static uint32_t counter_of(const struct frame *frame)
{
    const uint8_t *c = frame->counter;
    return (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 | (uint32_t)c[2] << 8 | c[3];
}

static bool send(const uint8_t to[MAC], enum kind kind, uint32_t counter)
{
    struct frame frame = { .kind = (uint8_t)kind };
    memcpy(frame.to, to, MAC);
    memcpy(frame.from, virtio_net_mac(), MAC);
    memcpy(frame.type, experiment, sizeof experiment);
    memcpy(frame.magic, magic, sizeof magic);
    for (unsigned i = 0; i < 4; i++)
        frame.counter[i] = (uint8_t)(counter >> 8 * (3 - i));
    if (!virtio_net_send(&frame, sizeof frame, deadline))
        return false;
    counts.sent++;
    return true;
}

/* Whether a frame of that kind came, sent to `to`. A card gets all that is on its network; a group cannot be a sender. */
static bool receive(struct frame *frame, enum kind kind, const uint8_t to[MAC])
{
    size_t bytes = virtio_net_receive(frame, sizeof *frame);
    if (!bytes) {
        cpu_relax();
        return false;
    }
    bool is_wanted = bytes >= sizeof *frame && !memcmp(frame->type, experiment, sizeof experiment) &&
                     !memcmp(frame->magic, magic, sizeof magic) && frame->kind == kind && !memcmp(frame->to, to, MAC) &&
                     !(frame->from[0] & 1) && memcmp(frame->from, virtio_net_mac(), MAC);
    counts.received += is_wanted;
    counts.ignored += !is_wanted;
    return is_wanted;
}

static void report(const char *what, const struct frame *frame)
{
    json_open("frame");
    json_string("what", what);
    nic_json_mac("own", virtio_net_mac());
    nic_json_mac("peer", frame->from);
    json_number("counter", counter_of(frame));
    json_close();
}

bool frames_serve(unsigned clients)
{
    static uint8_t heard[MOST_CLIENTS][MAC];
    unsigned used = 0;
    if (clients == 0 || clients > MOST_CLIENTS)
        panic("frames-serve takes 1 to 256 clients");
    open_card();
    while (used < clients && !clock_passed(deadline)) {
        struct frame frame;
        /* A client that calls again has not got its answer yet. */
        if (!receive(&frame, CALL, broadcast) || !send(frame.from, ANSWER, counter_of(&frame)))
            continue;
        unsigned known = 0;
        while (known < used && memcmp(heard[known], frame.from, MAC))
            known++;
        if (known < used)
            continue;
        memcpy(heard[used++], frame.from, MAC);
        report("heard", &frame);
    }
    close_card();
    return used == clients;
}

bool frames_call(void)
{
    bool is_answered = false;
    uint32_t calls = 0;
    open_card();
    for (uint64_t next = 0; !is_answered && !clock_passed(deadline);) {
        struct frame frame;
        if (!calls || clock_passed(next)) {
            send(broadcast, CALL, ++calls);
            next = clock_deadline(REPEAT_MS);
        }
        is_answered = receive(&frame, ANSWER, virtio_net_mac()) && counter_of(&frame) - 1 < calls;
        if (is_answered)
            report("answered", &frame);
    }
    close_card();
    return is_answered;
}
