/* Finds the virtio serial port by its name; the kernel says by uevents when one has appeared or been named. */
#include "agent.h"

enum { AF_NETLINK = 16, SOCK_RAW = 3, SOCK_CLOEXEC = 02000000, NETLINK_KOBJECT_UEVENT = 15 };

int uevent_socket(void) {
  struct { unsigned short family, pad; u32 pid, groups; } address = { AF_NETLINK, 0, 0, 1 };
  int fd = sys(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT, 0);
  if (fd >= 0) sys(SYS_bind, fd, &address, sizeof address, 0);
  return fd;
}

enum { NAME = 128 };

/* Reads the name of a port; 0 when it has none. */
static int name_of(const char *port, char *name) {
  char path[128];
  put(put(put(path, "/sys/class/virtio-ports/"), port), "/name");
  int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return 0;
  i64 size = sys_read(fd, name, NAME - 1);
  sys_close(fd);
  if (size <= 0) return 0;
  name[name[size - 1] == '\n' ? size - 1 : size] = 0;
  return 1;
}

/* Opens /dev/PORT if its name is the wanted one. */
static int open_if_named(const char *port, const char *wanted) {
  char path[128], name[NAME];
  if (!name_of(port, name) || !same(name, wanted)) return -1;
  put(put(path, "/dev/"), port);
  return sys_open(path, O_RDWR | O_CLOEXEC, 0);
}

/* /dev/virtio-ports/NAME, as udev's rules make it. */
static int link_port(const char *port, const char *unused) {
  char target[128], path[32 + NAME], name[NAME];
  (void)unused;
  if (!name_of(port, name)) return -1;
  for (const char *c = name; *c; c++) if (*c == '/') return -1;
  put(put(target, "../"), port);
  put(put(path, "/dev/virtio-ports/"), name);
  sys(SYS_symlink, target, path, 0, 0);
  return -1;
}

/* Tries every port until one returns a descriptor. */
static int each_port(int (*use)(const char *port, const char *with), const char *with) {
  char entries[4096];
  int folder = sys_open("/sys/class/virtio-ports", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), found = -1;
  if (folder < 0) return -1;
  i64 size = sys(SYS_getdents64, folder, entries, sizeof entries, 0);
  for (i64 at = 0; at < size && found < 0; at += *(unsigned short *)(entries + at + 16)) {
    const char *port = entries + at + 19;
    if (port[0] != '.' && strlen(port) < 64) found = use(port, with);
  }
  sys_close(folder);
  return found;
}

void link_ports(void) {
  sys(SYS_mkdir, "/dev/virtio-ports", 0755, 0, 0);
  each_port(link_port, 0);
}

/* What the messages say does not matter, nor that some were lost. */
void link_new_ports(int uevents) {
  static char message[8192];
  enum { MSG_DONTWAIT = 0x40 };
  while (sys(SYS_recvfrom, uevents, message, sizeof message, MSG_DONTWAIT) > 0);
  link_ports();
}

enum { COMPLAIN_AFTER_MS = 5000 };

/* Waits for a message. The kernel may lack the driver, so when none comes for a while the console says what is awaited. */
static void await_message(int uevents, const char *name) {
  static int has_complained;
  struct pollfd wait = { uevents, POLLIN, 0 };
  if (has_complained || sys(SYS_poll, &wait, 1, COMPLAIN_AFTER_MS, 0) != 0) return;
  has_complained = 1;
  complain("still waits for a port of virtio_console (CONFIG_VIRTIO_CONSOLE, CONFIG_VIRTIO_PCI) named", name, -ENODEV);
}

int open_port(const char *name, int uevents) {
  static char message[8192];
  for (;;) {
    int fd = each_port(open_if_named, name);
    if (fd >= 0) return fd;
    await_message(uevents, name);
    i64 size = sys_read(uevents, message, sizeof message);
    if (size < 0 && size != -EINTR && size != -105 /* ENOBUFS: some were lost, so look again */) return -1;
  }
}
