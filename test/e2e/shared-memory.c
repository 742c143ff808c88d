/* shared-memory PATH write TEXT, shared-memory PATH read: text at the start of memory that guests share. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int count, char **words)
{
    int file = count > 2 ? open(words[1], O_RDWR) : -1;
    char *memory = file < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) {
        perror(words[1]);
        return 1;
    }
    if (count > 3)
        strcpy(memory, words[3]);
    else
        puts(memory);
    return 0;
}
