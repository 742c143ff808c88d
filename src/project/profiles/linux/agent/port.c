/* Finds the virtio serial port by its name; the kernel says by uevents when one has appeared or been named. */
#include "agent.h"

enum { AF_NETLINK = 16, SOCK_RAW = 3, SOCK_CLOEXEC = 02000000, NETLINK_KOBJECT_UEVENT = 15 };

int uevent_socket(void) {
  struct { unsigned short family, pad; u32 pid, groups; } address = { AF_NETLINK, 0, 0, 1 };
  int fd = sys(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT, 0);
  if (fd >= 0) sys(SYS_bind, fd, &address, sizeof address, 0);
  return fd;
}

/* Opens /dev/PORT if its name is the wanted one. */
static int open_if_named(const char *port, const char *wanted) {
  char path[128], name[128];
  put(put(put(path, "/sys/class/virtio-ports/"), port), "/name");
  int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return -1;
  i64 size = sys_read(fd, name, sizeof name - 1);
  sys_close(fd);
  if (size <= 0) return -1;
  name[name[size - 1] == '\n' ? size - 1 : size] = 0;
  if (!same(name, wanted)) return -1;
  put(put(path, "/dev/"), port);
  return sys_open(path, O_RDWR | O_CLOEXEC, 0);
}

static int find_port(const char *wanted) {
  char entries[2048];
  int folder = sys_open("/sys/class/virtio-ports", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), found = -1;
  if (folder < 0) return -1;
  i64 size = sys(SYS_getdents64, folder, entries, sizeof entries, 0);
  for (i64 at = 0; at < size && found < 0; at += *(unsigned short *)(entries + at + 16)) {
    const char *port = entries + at + 19;
    if (port[0] != '.' && strlen(port) < 64) found = open_if_named(port, wanted);
  }
  sys_close(folder);
  return found;
}

int open_port(const char *name, int uevents) {
  static char message[8192];
  for (;;) {
    int fd = find_port(name);
    if (fd >= 0) return fd;
    i64 size = sys_read(uevents, message, sizeof message);
    if (size < 0 && size != -EINTR && size != -105 /* ENOBUFS: some were lost, so look again */) return -1;
  }
}
