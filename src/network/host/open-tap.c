/*
 * Opens taps that lie in network namespaces, and becomes the command that follows, which inherits them.
 *
 * open-tap FD PID NAME one|multi [FD PID NAME one|multi ...] -- COMMAND [ARGUMENT ...]
 *
 * The tap NAME, or one more queue of it (multi), of the user and network namespaces of process PID becomes descriptor FD
 * of COMMAND. A process that has entered a user namespace cannot come back: a child enters it and hands the descriptor
 * over (unix(7), SCM_RIGHTS), so that the command itself keeps the namespaces that it was started in.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FAILED = 78 };

static void die(const char *what, const char *which)
{
    fprintf(stderr, "open-tap: %s %s: %s\n", what, which, strerror(errno));
    exit(FAILED);
}

static void enter(const char *pid, const char *kind, int type)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/ns/%s", pid, kind);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, type) != 0)
        die("cannot enter", path);
    close(fd);
}

static int open_tap(const char *pid, const char *name, short queues)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | queues};
    if (strlen(name) >= sizeof request.ifr_name) {
        errno = ENAMETOOLONG;
        die("cannot open tap", name);
    }
    enter(pid, "user", CLONE_NEWUSER);
    enter(pid, "net", CLONE_NEWNET);
    strcpy(request.ifr_name, name);
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        die("cannot open", "/dev/net/tun");
    if (ioctl(fd, TUNSETIFF, &request) != 0)
        die("cannot open tap", name);
    return fd;
}

union control {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

static void send_descriptor(int socket, int fd)
{
    char byte = 0;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union control control = {0};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    if (sendmsg(socket, &message, 0) != 1)
        die("cannot hand over", "the tap");
}

static int receive_descriptor(int socket)
{
    char byte;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union control control = {0};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    /* A child that has failed has said why and closes its end. */
    if (recvmsg(socket, &message, 0) != 1 || CMSG_FIRSTHDR(&message) == NULL)
        exit(FAILED);
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static void inherit_tap(int number, const char *pid, const char *name, short queues)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        die("cannot make", "a socket pair");
    pid_t child = fork();
    if (child < 0)
        die("cannot start", "a process");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pair[0]);
        send_descriptor(pair[1], open_tap(pid, name, queues));
        _exit(0);
    }
    close(pair[1]);
    int fd = receive_descriptor(pair[0]);
    close(pair[0]);
    waitpid(child, NULL, 0);
    if (fd == number ? fcntl(fd, F_SETFD, 0) != 0 : dup2(fd, number) < 0)
        die("cannot number", name);
    if (fd != number)
        close(fd);
}

int main(int count, char **words)
{
    int at = 1;
    for (; at + 4 < count && strcmp(words[at], "--") != 0; at += 4)
        inherit_tap(atoi(words[at]), words[at + 1], words[at + 2],
                    strcmp(words[at + 3], "multi") == 0 ? IFF_MULTI_QUEUE : 0);
    if (at + 1 >= count || strcmp(words[at], "--") != 0) {
        fprintf(stderr, "usage: open-tap FD PID NAME one|multi [...] -- COMMAND [ARGUMENT ...]\n");
        return FAILED;
    }
    execvp(words[at + 1], words + at + 1);
    fprintf(stderr, "open-tap: failed to execute %s: %s\n", words[at + 1], strerror(errno));
    return FAILED;
}
