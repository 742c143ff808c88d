/* Pseudo-terminals for commands; see pty(7) and ioctl_tty(2). */
#include "agent.h"

enum { TIOCGPTN = 0x80045430, TIOCSPTLCK = 0x40045431, TIOCSWINSZ = 0x5414 };

struct window { unsigned short rows, columns, x, y; };

/* 0, or the error; nothing is left open then. */
i64 open_terminal_pair(struct terminal *t, u32 rows, u32 columns) {
  char path[32];
  u32 number;
  int unlocked = 0;
  i64 near = sys_open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
  if (near < 0) return near;
  i64 error = sys(SYS_ioctl, near, TIOCSPTLCK, &unlocked, 0);
  if (error >= 0) error = sys(SYS_ioctl, near, TIOCGPTN, &number, 0);
  if (error >= 0) {
    put_number(put(path, "/dev/pts/"), number);
    error = sys_open(path, O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
  }
  if (error < 0) {
    sys_close(near);
    return error;
  }
  t->near = near;
  t->far = error;
  resize_terminal(near, rows, columns);
  return 0;
}

/* The kernel signals SIGWINCH to the foreground group. */
void resize_terminal(int near, u32 rows, u32 columns) {
  struct window window = { rows, columns, 0, 0 };
  sys(SYS_ioctl, near, TIOCSWINSZ, &window, 0);
}

/* Makes it the controlling terminal; the caller leads a session that has none. */
void take_terminal(int far) {
  sys(SYS_ioctl, far, TIOCSCTTY, 0, 0);
}
