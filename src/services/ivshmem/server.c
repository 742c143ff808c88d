/*
 * The server of ivshmem-doorbell: hands the shared memory and the eventfds of all peers to each peer. Protocol: QEMU,
 * docs/specs/ivshmem-spec, "Client-Server protocol"; messages are 64-bit little-endian, some with a descriptor.
 *
 * server SOCKET BYTES VECTORS [file=PATH] [huge=BYTES] [policy=bind|preferred|interleave] [nodes=N,N,...]
 *
 * Listens on SOCKET until it is killed. A line of output for each event; "ready" once it listens. Peers are QEMUs whose
 * guests are not trusted: a peer must run as the same user, may not say anything, and is cut off when it does not read.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* linux/memfd.h; older C libraries lack it */
#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT 26
#endif

enum { VERSION = 0, MEMORY = -1, MAX_PEERS = 256, MAX_VECTORS = 256, MAX_ID = 65535 };
/* Messages that may wait for one peer: all that a newcomer is told, several times over. */
enum { MAX_WAITING = 1 << 17 };
/* linux/mempolicy.h; libnuma is not needed for one call. */
enum { POLICY_PREFERRED = 1, POLICY_BIND = 2, POLICY_INTERLEAVE = 3, MAX_NODES = 1024 };

struct message {
    int64_t value;
    int descriptor; /* a duplicate of its own, or -1 */
    struct message *next;
};

struct peer {
    int socket;
    int64_t id;
    int events[MAX_VECTORS];
    struct message *first, **last;
    unsigned waiting;
    bool is_gone;
};

static struct peer *peers[MAX_PEERS];
static unsigned peer_count, vectors;
static int64_t next_id;
static int memory = -1;

static void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static _Noreturn void refuse(const char *what, const char *word)
{
    fprintf(stderr, "%s: %s\n", what, word);
    exit(2);
}

static uint64_t number(const char *what, const char *word, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(word, &end, 10);
    if (*word < '0' || *word > '9' || *end || errno || value < least || value > most)
        refuse(what, word);
    return value;
}

/* The peer finds out in its turn of the loop: nothing is freed while lists are walked. */
static void drop(struct peer *peer, const char *why)
{
    if (!peer->is_gone)
        say("peer %lld %s", (long long)peer->id, why);
    peer->is_gone = true;
}

static void queue(struct peer *peer, int64_t value, int descriptor)
{
    if (peer->is_gone)
        return;
    if (peer->waiting == MAX_WAITING) {
        drop(peer, "does not read: cut off");
        return;
    }
    struct message *message = malloc(sizeof *message);
    int own = descriptor < 0 ? -1 : fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (!message || (descriptor >= 0 && own < 0)) {
        free(message);
        drop(peer, "cannot be served: out of memory or descriptors");
        return;
    }
    *message = (struct message){ .value = value, .descriptor = own };
    *peer->last = message;
    peer->last = &message->next;
    peer->waiting++;
}

/* 1: sent. 0: later. -1: never. */
static int send_one(int socket, const struct message *message)
{
    int64_t value = (int64_t)htole64((uint64_t)message->value);
    struct iovec data = { &value, sizeof value };
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct msghdr envelope = { .msg_iov = &data, .msg_iovlen = 1 };
    if (message->descriptor >= 0) {
        envelope.msg_control = control.space;
        envelope.msg_controllen = sizeof control.space;
        struct cmsghdr *header = CMSG_FIRSTHDR(&envelope);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &message->descriptor, sizeof(int));
    }
    ssize_t sent = sendmsg(socket, &envelope, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == sizeof value)
        return 1;
    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void free_first(struct peer *peer)
{
    struct message *message = peer->first;
    peer->first = message->next;
    if (!peer->first)
        peer->last = &peer->first;
    peer->waiting--;
    if (message->descriptor >= 0)
        close(message->descriptor);
    free(message);
}

static void flush(struct peer *peer)
{
    while (peer->first && !peer->is_gone) {
        int sent = send_one(peer->socket, peer->first);
        if (sent < 0)
            drop(peer, "cannot be reached");
        if (sent <= 0)
            return;
        free_first(peer);
    }
}

static void close_events(struct peer *peer, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(peer->events[i]);
}

/* Not the id of a peer that is there; others may still hold eventfds of one that has gone. */
static int64_t free_id(void)
{
    for (;;) {
        int64_t id = next_id;
        next_id = next_id == MAX_ID ? 0 : next_id + 1;
        bool is_taken = false;
        for (unsigned i = 0; i < peer_count; i++)
            is_taken |= peers[i]->id == id;
        if (!is_taken)
            return id;
    }
}

static struct peer *make_peer(int socket)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    for (unsigned i = 0; i < vectors; i++) {
        peer->events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (peer->events[i] < 0) {
            close_events(peer, i);
            free(peer);
            return NULL;
        }
    }
    peer->socket = socket;
    peer->id = free_id();
    peer->last = &peer->first;
    return peer;
}

static void welcome(struct peer *newcomer)
{
    queue(newcomer, VERSION, -1);
    queue(newcomer, newcomer->id, -1);
    queue(newcomer, MEMORY, memory);
    for (unsigned i = 0; i < peer_count; i++)
        for (unsigned v = 0; v < vectors; v++) {
            queue(peers[i], newcomer->id, newcomer->events[v]);
            queue(newcomer, peers[i]->id, peers[i]->events[v]);
        }
    for (unsigned v = 0; v < vectors; v++)
        queue(newcomer, newcomer->id, newcomer->events[v]);
}

static void admit(int listener)
{
    int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0)
        return;
    struct ucred who;
    socklen_t length = sizeof who;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &length) < 0 || length != sizeof who ||
        who.uid != geteuid()) {
        say("refused a peer of user %u", length == sizeof who ? who.uid : (unsigned)-1);
        close(socket);
        return;
    }
    struct peer *peer = peer_count < MAX_PEERS ? make_peer(socket) : NULL;
    if (!peer) {
        say("refused a peer: too many, or out of descriptors");
        close(socket);
        return;
    }
    welcome(peer);
    peers[peer_count++] = peer;
    say("peer %lld joined", (long long)peer->id);
}

static void remove_gone(void)
{
    for (unsigned i = 0; i < peer_count;) {
        struct peer *peer = peers[i];
        if (!peer->is_gone) {
            i++;
            continue;
        }
        peers[i] = peers[--peer_count];
        for (unsigned other = 0; other < peer_count; other++)
            queue(peers[other], peer->id, -1);
        while (peer->first)
            free_first(peer);
        close_events(peer, vectors);
        close(peer->socket);
        free(peer);
        i = 0; /* telling others may have cut one off */
    }
}

static void serve(int listener)
{
    static struct pollfd ready[MAX_PEERS + 1];
    for (;;) {
        unsigned count = peer_count;
        ready[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
        for (unsigned i = 0; i < count; i++)
            ready[i + 1] = (struct pollfd){ .fd = peers[i]->socket,
                                            .events = (short)(POLLIN | (peers[i]->first ? POLLOUT : 0)) };
        if (poll(ready, count + 1, -1) < 0) {
            if (errno == EINTR)
                continue;
            fail("poll");
        }
        for (unsigned i = 0; i < count; i++) {
            if (ready[i + 1].revents & POLLOUT)
                flush(peers[i]);
            if (ready[i + 1].revents & ~POLLOUT) {
                /* A client of this protocol never says anything: it is an end, or no client. */
                char byte;
                ssize_t got = recv(peers[i]->socket, &byte, 1, MSG_DONTWAIT);
                if (got > 0)
                    drop(peers[i], "sent data: cut off");
                else if (got == 0 || (errno != EAGAIN && errno != EINTR))
                    drop(peers[i], "left");
            }
        }
        if (ready[0].revents)
            admit(listener);
        remove_gone();
        for (unsigned i = 0; i < peer_count; i++)
            flush(peers[i]);
    }
}

static void place(uint64_t bytes, const char *policy, const char *nodes)
{
    unsigned long mask[MAX_NODES / (8 * sizeof(long))] = { 0 };
    char *list = strdup(nodes), *rest = NULL;
    for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        uint64_t node = number("no NUMA node", word, 0, MAX_NODES - 1);
        mask[node / (8 * sizeof(long))] |= 1ul << node % (8 * sizeof(long));
    }
    free(list);
    int mode = !strcmp(policy, "bind")         ? POLICY_BIND
               : !strcmp(policy, "preferred")  ? POLICY_PREFERRED
               : !strcmp(policy, "interleave") ? POLICY_INTERLEAVE
                                               : -1;
    if (mode < 0)
        refuse("no policy", policy);
    /* A policy of a shared mapping belongs to the memory, for every process that maps it (mbind(2)). */
    void *mapping = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (mapping == MAP_FAILED)
        fail("mmap");
    if (syscall(SYS_mbind, mapping, bytes, mode, mask, MAX_NODES + 1, 0))
        fail("mbind");
    munmap(mapping, bytes);
}

static void make_memory(uint64_t bytes, const char *file, uint64_t huge)
{
    if (file) {
        memory = open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        struct stat status;
        if (memory < 0 || fstat(memory, &status) < 0)
            fail(file);
        if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size != bytes)
            refuse("not a file of that size", file);
        return;
    }
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    if (huge)
        flags |= MFD_HUGETLB | (unsigned)__builtin_ctzll(huge) << MFD_HUGE_SHIFT;
    memory = memfd_create("ivshmem", flags);
    if (memory < 0 || ftruncate(memory, (off_t)bytes) < 0)
        fail("memfd");
    /* A peer that could cut the memory would kill the others by SIGBUS. */
    if (fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        fail("seal");
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address.sun_path)
        refuse("longer than the path of a socket may be", path);
    strcpy(address.sun_path, path);
    umask(077);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 64) < 0)
        fail(path);
    return listener;
}

static const char *value_of(const char *word, const char *key)
{
    size_t length = strlen(key);
    return strncmp(word, key, length) == 0 ? word + length : NULL;
}

int main(int count, char **words)
{
    if (count < 4) {
        fprintf(stderr, "usage: server SOCKET BYTES VECTORS [file=PATH] [huge=BYTES] [policy=WORD] [nodes=LIST]\n");
        return 2;
    }
    uint64_t bytes = number("no size", words[2], 1, 1ull << 46);
    vectors = (unsigned)number("no count of vectors", words[3], 1, MAX_VECTORS);
    const char *file = NULL, *policy = "bind", *nodes = NULL, *value;
    uint64_t huge = 0;
    for (int i = 4; i < count; i++) {
        if ((value = value_of(words[i], "file=")))
            file = value;
        else if ((value = value_of(words[i], "huge=")))
            huge = number("no page size", value, 1, 1ull << 40);
        else if ((value = value_of(words[i], "policy=")))
            policy = value;
        else if ((value = value_of(words[i], "nodes=")))
            nodes = value;
        else
            refuse("unknown word", words[i]);
    }
    if (bytes & (bytes - 1))
        refuse("not a power of two", words[2]);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    make_memory(bytes, file, huge);
    if (nodes)
        place(bytes, policy, nodes);
    int listener = listen_at(words[1]);
    say("ready: %llu bytes, %u vectors", (unsigned long long)bytes, vectors);
    serve(listener);
}
