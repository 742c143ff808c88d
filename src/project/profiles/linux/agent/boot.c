/* What a system needs before anything can run in it: file systems, modules, and a way to end. */
#include "agent.h"

static void mount_at(const char *type, const char *where) {
  sys(SYS_mkdir, where, 0755, 0, 0);
  i64 error = syscall6(SYS_mount, (i64)type, (i64)where, (i64)type, 0, 0, 0);
  if (error < 0) complain("mount", where, error);
}

void mount_kernel_file_systems(void) {
  mount_at("devtmpfs", "/dev");
  mount_at("proc", "/proc");
  mount_at("sysfs", "/sys");
  mount_at("devpts", "/dev/pts");
  /* As udev makes them; shells need the first for <(…). */
  sys(SYS_symlink, "/proc/self/fd", "/dev/fd", 0, 0);
  sys(SYS_symlink, "/proc/self/fd/0", "/dev/stdin", 0, 0);
  sys(SYS_symlink, "/proc/self/fd/1", "/dev/stdout", 0, 0);
  sys(SYS_symlink, "/proc/self/fd/2", "/dev/stderr", 0, 0);
}

/* Says on the kernel log, and so on the console, what did not work. */
void complain(const char *what, const char *name, i64 error) {
  char line[512];
  char *at = put(line, "<3>bringup: ");
  at = put(at, what);
  at = put(at, " ");
  if (strlen(name) < 300) at = put(at, name);
  at = put(at, ": error ");
  at = put_number(at, error < 0 ? -error : error);
  at = put(at, "\n");
  int fd = sys_open("/dev/kmsg", O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return;
  sys_write(fd, line, at - line);
  sys_close(fd);
}

static void load_module(const char *path) {
  int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
  i64 error = fd < 0 ? fd : sys(SYS_finit_module, fd, "", 0, 0);
  if (error < 0 && error != -EEXIST) complain("module", path, error);
  if (fd >= 0) sys_close(fd);
}

/* Some drivers go on probing after their module is loaded; reading the file waits for them. */
static void wait_for(const char *path) {
  char text[64];
  int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return;
  sys_read(fd, text, sizeof text);
  sys_close(fd);
}

/*
 * Starts a script and does not wait for it. A reader of the FIFO that is made before finds it however early it comes, and
 * waits until the script has written to it.
 */
static void run_script(const char *path) {
  static char *env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", 0 };
  char *argv[] = { (char *)path, 0 };
  sys(SYS_mkdir, "/run/bringup", 0755, 0, 0);
  sys(SYS_mkdir, "/run/bringup/network", 0755, 0, 0);
  sys(SYS_mknod, "/run/bringup/network/ready", 0010600, 0, 0);
  if (sys(SYS_fork, 0, 0, 0, 0) != 0) return;
  u64 none = 0;
  sys(SYS_rt_sigprocmask, 2, &none, 0, 8);
  sys(SYS_setsid, 0, 0, 0, 0);
  int nothing = sys_open("/dev/null", O_RDWR, 0);
  for (int fd = 0; fd < 3; fd++) sys(SYS_dup2, nothing, fd, 0, 0);
  complain("run", path, sys(SYS_execve, path, argv, env, 0));
  sys_exit(127);
}

/* Lines `module PATH`, `run PATH` and `wait PATH`, written by src/project/profiles/linux/initramfs.ts. */
void follow_boot_script(const char *path) {
  static char script[32 * 1024];
  int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return;
  i64 size = sys_read(fd, script, sizeof script - 1);
  sys_close(fd);
  if (size < 0) return;
  script[size] = 0;
  for (char *line = script; *line;) {
    char *end = line;
    while (*end && *end != '\n') end++;
    char *next = *end ? end + 1 : end;
    *end = 0;
    if (line[0] == 'm') load_module(line + 7);
    if (line[0] == 'r') run_script(line + 4);
    if (line[0] == 'w') wait_for(line + 5);
    line = next;
  }
}

int is_first_process(void) {
  return sys(SYS_getpid, 0, 0, 0, 0) == 1;
}

/* Without the channel the first process has no work left; a service says so by its end. */
_Noreturn void channel_lost(void) {
  if (is_first_process()) end_machine(0);
  sys_exit(1);
}

int command_line_has(const char *word) {
  char text[4096];
  int fd = sys_open("/proc/cmdline", O_RDONLY | O_CLOEXEC, 0);
  i64 size = fd < 0 ? 0 : sys_read(fd, text, sizeof text - 1);
  if (fd >= 0) sys_close(fd);
  for (i64 i = 0, start = 0; i <= size && size > 0; i++) {
    if (i < size && text[i] != ' ' && text[i] != '\n') continue;
    text[i] = 0;
    if (same(text + start, word)) return 1;
    start = i + 1;
  }
  return 0;
}

/* systemd(1): SIGRTMIN+4 starts poweroff.target, SIGRTMIN+5 reboot.target; the C library's SIGRTMIN is 34. */
enum { POWER_OFF = 38, REBOOT = 39 };

_Noreturn void end_machine(int restart) {
  sys(SYS_sync, 0, 0, 0, 0);
  if (!is_first_process()) {
    sys(SYS_kill, 1, restart ? REBOOT : POWER_OFF, 0, 0);
    for (;;) sys(SYS_pause, 0, 0, 0, 0);
  }
  end_machine_now(restart);
}

/* The kernel does it for any caller. */
_Noreturn void end_machine_now(int restart) {
  sys(SYS_sync, 0, 0, 0, 0);
  sys(SYS_reboot, 0xfee1dead, 672274793, restart ? 0x01234567 : 0x4321fedc, 0);
  sys_exit(1);
}
