/* Frames on the virtio serial port, and the loop that everything hangs on. */
#include "agent.h"

static int port = -1;

/* Each side waits for the other's: what is before it in the stream is from before a reset. */
static const u8 HELLO[16] = { 0xb1, 0x07, 0x2e, 0x91, 'b', 'r', 'i', 'n', 'g', 'u', 'p', 1, 0xd6, 0x4c, 0xf3, 0x58 };

static void write_all(const u8 *from, u32 size) {
  while (size > 0) {
    i64 n = sys_write(port, from, size);
    if (n == -EINTR || n == -EAGAIN) continue;
    if (n < 0) channel_lost();
    from += n;
    size -= n;
  }
}

/* The payload is already in the frame, after the room for its header. */
void channel_send(u8 type, u8 id, u8 *frame, u32 payload) {
  *(u32 *)frame = payload;
  frame[4] = type;
  frame[5] = id;
  frame[6] = frame[7] = 0;
  write_all(frame, HEADER + payload);
}

void channel_send_pair(u8 type, u8 id, u32 first, u32 second) {
  u32 frame[4] = { 0, 0, first, second };
  channel_send(type, id, (u8 *)frame, 8);
}

static void act(u8 type, u8 id, u8 *payload, u32 size) {
  switch (type) {
    case 'R': return begin_command(id, payload, size);
    case 'T': return begin_terminal(id, payload, size);
    case 'Z': return size < 8 ? (void)0 : resize(id, ((u32 *)payload)[0], ((u32 *)payload)[1]);
    case 'W': return begin_write(id, payload, size);
    case 'G': return read_whole(id, (const char *)payload);
    case 'I': return take_input(id, payload, size);
    case 'K': return signal_command(id, *(u32 *)payload);
    case 'S': return resume_state(id, payload, size);
    case 'Q': end_machine(*(u32 *)payload);
  }
}

static u8 buffer[HEADER + LARGEST_REQUEST] __attribute__((aligned(8)));
static u32 filled;
static int greeted;

/* Drops what is before the host's greeting. */
static void find_greeting(void) {
  u32 start = 0;
  while (start + sizeof HELLO <= filled && memcmp(buffer + start, HELLO, sizeof HELLO)) start++;
  if (start + sizeof HELLO <= filled) {
    start += sizeof HELLO;
    greeted = 1;
  }
  memcpy(buffer, buffer + start, filled - start);
  filled -= start;
}

/* Payloads are moved to the start of an aligned buffer, so that numbers in them can be read as they are. */
static void take_frames(void) {
  u32 at = 0;
  while (filled - at >= HEADER) {
    u32 size;
    memcpy(&size, buffer + at, 4);
    if (size > LARGEST_REQUEST) channel_lost();
    if (filled - at < HEADER + size) break;
    act(buffer[at + 4], buffer[at + 5], buffer + at + HEADER, size);
    at += HEADER + size;
  }
  memcpy(buffer, buffer + at, filled - at);
  filled -= at;
}

static void receive(void) {
  i64 n = sys_read(port, buffer + filled, sizeof buffer - filled);
  if (n == -EAGAIN || n == -EINTR) return;
  if (n <= 0) channel_lost();
  filled += n;
  if (!greeted) find_greeting();
  if (greeted) take_frames();
}

static void reap(int signals) {
  u8 ignored[128];
  sys_read(signals, ignored, sizeof ignored);
  int status;
  for (i64 pid; (pid = sys(SYS_wait4, -1, &status, WNOHANG, 0)) > 0;) note_exit(pid, status);
}

void channel_open(int fd) {
  port = fd;
  write_all(HELLO, sizeof HELLO);
}

_Noreturn void serve(int uevents) {
  enum { OTHERS = 4 };
  u64 children = 1ul << (SIGCHLD - 1);
  link_ports();
  int signals = sys(SYS_signalfd4, -1, &children, 8, O_CLOEXEC | O_NONBLOCK);
  for (;;) {
    struct pollfd fds[OTHERS + 3 * MAX_SESSIONS] = {
      { port, POLLIN, 0 }, { signals, POLLIN, 0 }, { uevents, POLLIN, 0 }, { console_exit_codes(), POLLIN, 0 },
    };
    for (int id = 0; id < MAX_SESSIONS; id++) {
      struct session *s = &sessions[id];
      struct pollfd *p = fds + OTHERS + 3 * id;
      p[0] = (struct pollfd){ s->used && s->length > 0 ? s->in : -1, POLLOUT, 0 };
      p[1] = (struct pollfd){ s->used ? s->out : -1, POLLIN, 0 };
      p[2] = (struct pollfd){ s->used ? s->err : -1, POLLIN, 0 };
    }
    if (sys(SYS_poll, fds, sizeof fds / sizeof *fds, -1, 0) < 0) continue;
    for (int id = 0; id < MAX_SESSIONS; id++) {
      struct session *s = &sessions[id];
      struct pollfd *p = fds + OTHERS + 3 * id;
      if (p[1].revents && s->used) forward_output(id, &s->out, 'O');
      if (p[2].revents && s->used) forward_output(id, &s->err, 'E');
      if (p[0].revents && s->used) give_input(id);
    }
    if (fds[1].revents) reap(signals);
    if (fds[2].revents) link_new_ports(uevents);
    if (fds[3].revents) end_with_console();
    if (fds[0].revents) receive();
  }
}
