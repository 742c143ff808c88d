/*
 * Raw Linux system calls for x86-64 and the few C functions that compilers expect, so that the agent needs neither a
 * C library nor kernel headers: a compiler alone builds it.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;
typedef unsigned long size_t;

enum {
  SYS_read, SYS_write, SYS_open, SYS_close, SYS_poll = 7, SYS_ioctl = 16, SYS_dup2 = 33, SYS_pause, SYS_getpid = 39, SYS_socket = 41,
  SYS_recvfrom = 45, SYS_bind = 49, SYS_fork = 57, SYS_execve = 59, SYS_exit = 60, SYS_wait4, SYS_kill,
  SYS_fcntl = 72, SYS_chdir = 80, SYS_mkdir = 83, SYS_symlink = 88, SYS_mknod = 133, SYS_setsid = 112, SYS_rt_sigaction = 13, SYS_rt_sigprocmask, SYS_sync = 162, SYS_mount = 165,
  SYS_reboot = 169, SYS_getdents64 = 217, SYS_clock_settime = 227, SYS_signalfd4 = 289, SYS_pipe2 = 293, SYS_finit_module = 313, SYS_getrandom = 318,
};

enum { EINTR = 4, EAGAIN = 11, EEXIST = 17, ENOENT = 2, ENOEXEC = 8, EPIPE = 32, ENODEV = 19, EFBIG = 27 };
enum { O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_TRUNC = 01000, O_NOCTTY = 0400, O_NONBLOCK = 04000,
       O_CLOEXEC = 02000000, O_DIRECTORY = 0200000 };
enum { POLLIN = 1, POLLOUT = 4, POLLERR = 8, POLLHUP = 16 };
enum { SIGHUP = 1, SIGINT = 2, SIGUSR1 = 10, SIGUSR2 = 12, SIGPIPE = 13, SIGTERM = 15, SIGCHLD = 17, WNOHANG = 1 };
enum { TIOCSCTTY = 0x540e };

struct pollfd { int fd; short events, revents; };

static inline i64 syscall6(i64 n, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f) {
  register i64 r10 __asm__("r10") = d;
  register i64 r8 __asm__("r8") = e;
  register i64 r9 __asm__("r9") = f;
  i64 result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}
#define sys(n, a, b, c, d) syscall6(n, (i64)(a), (i64)(b), (i64)(c), (i64)(d), 0, 0)

static inline i64 sys_open(const char *path, int flags, int mode) { return sys(SYS_open, path, flags, mode, 0); }
static inline i64 sys_read(int fd, void *to, size_t n) { return sys(SYS_read, fd, to, n, 0); }
static inline i64 sys_write(int fd, const void *from, size_t n) { return sys(SYS_write, fd, from, n, 0); }
static inline void sys_close(int fd) { sys(SYS_close, fd, 0, 0, 0); }
static inline _Noreturn void sys_exit(int code) { for (;;) sys(SYS_exit, code, 0, 0, 0); }

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *text);
int same(const char *a, const char *b);
/* Appends text at `at` and returns where the next goes; always leaves a terminating zero. */
char *put(char *at, const char *text);
char *put_number(char *at, u64 value);
