/* Sends and receives Ethernet frames by a virtio network card (virtio 1.2, 5.1): split queues, polled, no interrupts. */
#ifndef VIRTIO_NET_H
#define VIRTIO_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opens the card of that number among the virtio network cards, in the order of the report. One card at a time. */
bool virtio_net_open(unsigned number);
const uint8_t *virtio_net_mac(void);
/* True once the card has taken the frame over; false if it did not until the deadline. */
bool virtio_net_send(const void *frame, size_t bytes, uint64_t deadline);
/* Copies the start of the next frame. Returns its length, which may be more than `capacity`, or 0 if there is none. */
size_t virtio_net_receive(void *frame, size_t capacity);
/* Resets the card, so that it does not write to memory any more. */
void virtio_net_close(void);

#endif
