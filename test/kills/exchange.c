/*
 * exchange serve COUNT, exchange call ADDRESS COUNT: a controller and its clients exchange messages over TCP and through
 * ivshmem memory, both ways. Ends with 0 once every message has arrived.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 9000, SLOT = 64 };

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int is_ivshmem(const char *name)
{
    char path[512], text[32] = "";
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/device", name);
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(text, sizeof text, file) == NULL)
        return 0;
    fclose(file);
    return strncmp(text, "0x1110", 6) == 0;
}

static volatile char *shared_memory(void)
{
    DIR *devices = opendir("/sys/bus/pci/devices");
    for (struct dirent *one; devices != NULL && (one = readdir(devices)) != NULL;) {
        if (!is_ivshmem(one->d_name))
            continue;
        char path[512];
        snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/resource2", one->d_name);
        int file = open(path, O_RDWR);
        void *memory = file < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (memory == MAP_FAILED)
            fail(path);
        return memory;
    }
    fputs("no ivshmem device\n", stderr);
    exit(1);
}

static void put(volatile char *slot, const char *text)
{
    for (size_t i = strlen(text) + 1; i-- > 0;)
        slot[i] = text[i];
}

/* The first byte is written last. */
static void wait_for(volatile char *slot, const char *text)
{
    while (strncmp((const char *)slot, text, SLOT / 2) != 0)
        sched_yield();
}

static void say(int to, const char *text)
{
    if (write(to, text, SLOT) != SLOT)
        fail("write");
}

static void hear(int from, char *text)
{
    for (size_t have = 0; have < SLOT;) {
        ssize_t got = read(from, text + have, SLOT - have);
        if (got <= 0)
            fail("read");
        have += (size_t)got;
    }
}

static void text_of(char *text, const char *word, int client)
{
    memset(text, 0, SLOT);
    snprintf(text, SLOT / 2, "%s %d", word, client);
}

static int serve(int count)
{
    volatile char *memory = shared_memory();
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int door = socket(AF_INET, SOCK_STREAM, 0);
    if (door < 0 || bind(door, (struct sockaddr *)&own, sizeof own) != 0 || listen(door, count) != 0)
        fail("listen");
    puts("listening");
    fflush(stdout);
    for (int i = 0; i < count; i++) {
        char text[SLOT];
        int client = accept(door, NULL, NULL), number = 0;
        if (client < 0)
            fail("accept");
        hear(client, text);
        if (sscanf(text, "hello %d", &number) != 1)
            fail(text);
        text_of(text, "welcome", number);
        say(client, text);
        close(client);
        text_of(text, "hello", number);
        volatile char *slot = memory + number * SLOT;
        wait_for(slot, text);
        text_of(text, "welcome", number);
        put(slot + SLOT / 2, text);
        printf("client %d: network and memory\n", number);
    }
    return 0;
}

static int call(const char *address)
{
    char text[SLOT], want[SLOT];
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(PORT)}, here;
    socklen_t size = sizeof here;
    int controller = socket(AF_INET, SOCK_STREAM, 0);
    if (inet_pton(AF_INET, address, &there.sin_addr) != 1 ||
        connect(controller, (struct sockaddr *)&there, sizeof there) != 0 ||
        getsockname(controller, (struct sockaddr *)&here, &size) != 0)
        fail(address);
    int number = (int)(ntohl(here.sin_addr.s_addr) & 0xff) - 10;
    text_of(text, "hello", number);
    say(controller, text);
    hear(controller, text);
    text_of(want, "welcome", number);
    if (strcmp(text, want) != 0)
        fail(text);
    volatile char *slot = shared_memory() + number * SLOT;
    text_of(text, "hello", number);
    put(slot, text);
    wait_for(slot + SLOT / 2, want);
    return 0;
}

int main(int count, char **words)
{
    if (count == 3 && strcmp(words[1], "serve") == 0)
        return serve(atoi(words[2]));
    if (count == 3 && strcmp(words[1], "call") == 0)
        return call(words[2]);
    fputs("exchange serve COUNT | exchange call ADDRESS\n", stderr);
    return 2;
}
