/*
 * The interactive shell on the console. It has a process of its own between it and the agent, so that leaving the shell
 * ends the machine even while the agent waits for a channel without a listener.
 */
#include "agent.h"

/* The terminal behind /dev/console: only that one can be a controlling terminal, which job control needs. */
static int open_terminal(void) {
  char path[80] = "/dev/", *name = path + 5;
  int fd = sys_open("/sys/class/tty/console/active", O_RDONLY, 0);
  i64 size = fd < 0 ? -1 : sys_read(fd, name, 60);
  if (fd >= 0) sys_close(fd);
  if (size > 0) {
    while (size > 0 && (name[size - 1] == '\n')) size--;
    name[size] = 0;
    char *last = name;
    for (char *c = name; *c; c++) if (*c == ' ') last = c + 1;
    if (last != name) put(name, last);
    fd = sys_open(path, O_RDWR, 0);
    if (fd >= 0) return fd;
  }
  return sys_open("/dev/console", O_RDWR, 0);
}

static _Noreturn void become_shell(void) {
  static char *argv[] = { "sh", 0 };
  static char *env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=vt100", "PS1=guest:\\w\\$ ", 0 };
  u64 none = 0;
  sys(SYS_rt_sigprocmask, 2, &none, 0, 8);
  sys(SYS_setsid, 0, 0, 0, 0);
  int terminal = open_terminal();
  for (int fd = 0; fd < 3; fd++) sys(SYS_dup2, terminal, fd, 0, 0);
  sys(SYS_ioctl, 0, TIOCSCTTY, 0, 0);
  sys(SYS_execve, "/bin/sh", argv, env, 0);
  sys_exit(127);
}

static int exit_codes = -1;

int console_exit_codes(void) {
  return exit_codes;
}

void start_console_shell(void) {
  int ends[2] = { -1, -1 };
  sys(SYS_pipe2, ends, O_CLOEXEC, 0, 0);
  exit_codes = ends[0];
  if (sys(SYS_fork, 0, 0, 0, 0) != 0) {
    sys_close(ends[1]);
    return;
  }
  int status = 126 << 8;
  i64 shell = sys(SYS_fork, 0, 0, 0, 0);
  if (shell == 0) become_shell();
  if (shell > 0) while (sys(SYS_wait4, shell, &status, 0, 0) == -EINTR) {}
  /* The first process is the agent, which takes no signal for that. */
  u32 code = exit_code(status);
  if (code == 0) end_machine_now(0);
  sys_write(ends[1], &code, sizeof code);
  for (;;) sys(SYS_pause, 0, 0, 0, 0);
}

void end_with_console(void) {
  u32 frame[3] = { 0, 0, 0 };
  i64 n = sys_read(exit_codes, frame + 2, 4);
  if (n == -EINTR) return;
  sys_close(exit_codes);
  exit_codes = -1;
  if (n != 4) return;
  channel_send('C', 0, (u8 *)frame, 4);
  end_machine_now(0);
}
