/*
 * Asks the kernel for one synchronous mapping, as QEMU and libpmem do, and says what it answered.
 * map-sync PATH BYTES: maps that file; if it does not exist, an unnamed new file in its folder.
 * Prints one line, `granted`, or `refused: WHY`, or `failed: CALL: WHY`, and writes nothing into the file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* include/uapi/linux/mman.h; older C libraries lack them */
#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 0x03
#endif
#ifndef MAP_SYNC
#define MAP_SYNC 0x80000
#endif

static int failed(const char *call)
{
    printf("failed: %s: %s\n", call, strerror(errno));
    return 1;
}

int main(int count, char **words)
{
    if (count != 3) {
        fprintf(stderr, "usage: map-sync PATH BYTES\n");
        return 2;
    }
    size_t bytes = strtoull(words[2], NULL, 0);
    int protection = PROT_READ | PROT_WRITE;
    int file = open(words[1], O_RDWR | O_CLOEXEC);
    if (file < 0 && (errno == EACCES || errno == EROFS)) {
        protection = PROT_READ;
        file = open(words[1], O_RDONLY | O_CLOEXEC);
    } else if (file < 0 && errno == ENOENT) {
        file = open(dirname(strdup(words[1])), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (file >= 0 && ftruncate(file, bytes) < 0)
            return failed("ftruncate");
    }
    if (file < 0)
        return failed("open");
    void *memory = mmap(NULL, bytes, protection, MAP_SHARED_VALIDATE | MAP_SYNC, file, 0);
    if (memory != MAP_FAILED)
        puts("granted");
    else if (errno == EOPNOTSUPP)
        printf("refused: %s\n", strerror(errno));
    else
        return failed("mmap");
    return 0;
}
