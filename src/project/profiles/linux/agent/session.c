/* Commands and file transfers: up to eight at a time, each known by the number that the host gave it. */
#include "agent.h"

struct session sessions[MAX_SESSIONS];

static struct session *begin(u8 id) {
  if (id >= MAX_SESSIONS || sessions[id].used) return 0;
  struct session *s = &sessions[id];
  s->used = 1;
  s->pid = s->exited = s->code = s->failed = s->in_ended = s->has_terminal = 0;
  s->head = s->length = 0;
  s->in = s->out = s->err = -1;
  return s;
}

static void close_fd(int *fd) {
  if (*fd >= 0) sys_close(*fd);
  *fd = -1;
}

/* On our ends of the pipes only: the command's are files of their own. */
static void never_block(int fd) {
  sys(SYS_fcntl, fd, 4 /* F_SETFL */, O_NONBLOCK, 0);
}

static void finish(u8 id, u32 code, u32 error) {
  struct session *s = &sessions[id];
  close_fd(&s->in);
  close_fd(&s->out);
  close_fd(&s->err);
  s->used = 0;
  channel_send_pair('X', id, code, error);
}

static _Noreturn void fail_exec(const char *name, i64 error) {
  char line[512];
  char *at = put(line, "bringup: ");
  if (strlen(name) < 400) at = put(at, name);
  at = put(at, error == -ENOENT ? ": not found in the guest\n" : ": cannot be run in the guest: error ");
  if (error != -ENOENT) at = put(put_number(at, -error), "\n");
  sys_write(2, line, at - line);
  sys_exit(error == -ENOENT ? 127 : 126);
}

/* As execvp(3): a name without a slash is searched in the PATH of the environment given. */
static _Noreturn void exec_search(char **argv, char **env) {
  const char *name = argv[0], *path = "/usr/sbin:/usr/bin:/sbin:/bin";
  i64 error = -ENOENT;
  for (char **e = env; *e; e++) if (!memcmp(*e, "PATH=", 5)) path = *e + 5;
  for (const char *c = name; *c; c++) if (*c == '/') path = 0;
  if (!path) {
    error = sys(SYS_execve, name, argv, env, 0);
    fail_exec(name, error);
  }
  while (*path) {
    static char full[4096];
    size_t n = 0;
    while (path[n] && path[n] != ':') n++;
    if (n + strlen(name) + 2 < sizeof full) {
      memcpy(full, path, n);
      put(put(full + n, "/"), name);
      i64 tried = sys(SYS_execve, full, argv, env, 0);
      if (tried != -ENOENT) error = tried;
    }
    path += path[n] ? n + 1 : n;
  }
  fail_exec(name, error);
}

/* A command's words, in the request itself. */
struct command { char *cwd, **argv, **env; };

static _Noreturn void become_command(const struct command *c, const int *fds, int has_terminal) {
  u64 none = 0;
  sys(SYS_rt_sigprocmask, 2, &none, 0, 8);
  sys(SYS_setsid, 0, 0, 0, 0);
  for (int fd = 0; fd < 3; fd++) sys(SYS_dup2, fds[fd], fd, 0, 0);
  if (has_terminal) take_terminal(0);
  i64 error = sys(SYS_chdir, c->cwd, 0, 0, 0);
  if (error < 0) fail_exec(c->cwd, error);
  exec_search(c->argv, c->env);
}

/* Payload: number of arguments, number of variables, then as many texts, each ended by a zero: cwd, argv, env. */
static int read_command(struct command *c, const u8 *payload, u32 size) {
  static char *list[4096];
  if (size < 10 || payload[size - 1] != 0) return 0;
  u32 argc = ((u32 *)payload)[0], envc = ((u32 *)payload)[1], n = 0;
  if (argc < 1 || argc > 2000 || envc > 2000) return 0;
  char *at = (char *)payload + 8, *end = (char *)payload + size;
  for (u32 i = 0; i < 1 + argc + envc && at < end; i++) {
    if (i == 1 + argc) list[n++] = 0;
    list[n++] = at;
    at += strlen(at) + 1;
  }
  if (envc == 0) list[n++] = 0;
  list[n] = 0;
  *c = (struct command){ list[0], list + 1, list + 2 + argc };
  return 1;
}

void begin_command(u8 id, const u8 *payload, u32 size) {
  struct session *s = begin(id);
  struct command command;
  if (!s) return;
  if (!read_command(&command, payload, size)) return finish(id, 0, 7);
  int in[2], out[2], err[2];
  sys(SYS_pipe2, in, O_CLOEXEC, 0, 0);
  sys(SYS_pipe2, out, O_CLOEXEC, 0, 0);
  sys(SYS_pipe2, err, O_CLOEXEC, 0, 0);
  i64 pid = sys(SYS_fork, 0, 0, 0, 0);
  if (pid == 0) become_command(&command, (int[]){ in[0], out[1], err[1] }, 0);
  sys_close(in[0]);
  sys_close(out[1]);
  sys_close(err[1]);
  s->in = in[1];
  s->out = out[0];
  s->err = err[0];
  s->pid = pid;
  never_block(s->in);
  never_block(s->out);
  never_block(s->err);
  if (pid < 0) finish(id, 0, -pid);
}

/* Payload: rows, columns, then as for begin_command. The near side has two descriptors, so that each way has its own. */
void begin_terminal(u8 id, const u8 *payload, u32 size) {
  struct session *s = begin(id);
  struct terminal t;
  struct command command;
  if (!s) return;
  if (size < 8 || !read_command(&command, payload + 8, size - 8)) return finish(id, 0, 7);
  i64 error = open_terminal_pair(&t, ((u32 *)payload)[0], ((u32 *)payload)[1]);
  if (error < 0) return finish(id, 0, -error);
  i64 pid = sys(SYS_fork, 0, 0, 0, 0);
  if (pid == 0) become_command(&command, (int[]){ t.far, t.far, t.far }, 1);
  sys_close(t.far);
  s->has_terminal = 1;
  s->in = t.near;
  s->out = sys(SYS_fcntl, t.near, 1030 /* F_DUPFD_CLOEXEC */, 0, 0);
  s->pid = pid;
  never_block(s->in);
  if (pid < 0) finish(id, 0, -pid);
}

void resize(u8 id, u32 rows, u32 columns) {
  if (id < MAX_SESSIONS && sessions[id].used && sessions[id].has_terminal) resize_terminal(sessions[id].out, rows, columns);
}

/* Payload: permission bits, then the path; the content follows as input. */
void begin_write(u8 id, const u8 *payload, u32 size) {
  struct session *s = begin(id);
  if (!s) return;
  if (size < 6 || payload[size - 1] != 0) return finish(id, 0, 22);
  i64 fd = sys_open((const char *)payload + 4, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, *(u32 *)payload);
  s->in = fd;
  /* The host may have sent content already, which take_input drops once the session is over. */
  if (fd < 0) finish(id, 0, -fd);
}

/*
 * Never waits: a pipe without a writer is empty, and /dev/kmsg ends with its newest record (EAGAIN). Each read of
 * /dev/kmsg is one record, so several go into a frame; EPIPE says that the kernel has overwritten some meanwhile.
 */
void read_whole(u8 id, const char *path) {
  enum { ROOM = FRAME - HEADER, LONGEST_RECORD = 9 * 1024 };
  static u8 frame[FRAME];
  struct session *s = begin(id);
  if (!s) return;
  i64 fd = sys_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0), n = fd;
  u32 used = 0;
  u64 sent = 0;
  while (fd >= 0 && ((n = sys_read(fd, frame + HEADER + used, ROOM - used)) > 0 || n == -EPIPE)) {
    if (n > 0) used += n;
    if (n > 0 && (sent += n) > LARGEST_FILE) {
      n = -EFBIG;
      break;
    }
    if (ROOM - used > LONGEST_RECORD) continue;
    channel_send('O', id, frame, used);
    used = 0;
  }
  if (used > 0 && n != -EFBIG) channel_send('O', id, frame, used);
  if (fd >= 0) sys_close(fd);
  finish(id, 0, n < 0 && n != -EAGAIN ? -n : 0);
}

/* The host never sends more than it was granted, so there is room. An empty payload ends the input. */
void take_input(u8 id, const u8 *payload, u32 size) {
  struct session *s = &sessions[id % MAX_SESSIONS];
  if (!s->used || s->length + size > WINDOW) return;
  for (u32 i = 0; i < size; i++) s->window[(s->head + s->length + i) % WINDOW] = payload[i];
  s->length += size;
  if (size == 0) s->in_ended = 1;
  give_input(id);
}

/* Passes on what input there is, and grants the host as much again. */
void give_input(u8 id) {
  struct session *s = &sessions[id];
  u32 given = 0;
  while (s->length > 0) {
    u32 run = WINDOW - s->head < s->length ? WINDOW - s->head : s->length;
    i64 n = s->in < 0 ? run : sys_write(s->in, s->window + s->head, run);
    if (n == -EAGAIN) break;
    if (n == -EINTR) continue;
    if (n < 0 && s->pid == 0) return finish(id, 0, -n);
    if (n < 0) close_fd(&s->in), n = run;
    s->head = (s->head + n) % WINDOW;
    s->length -= n;
    given += n;
  }
  if (given > 0) channel_send_pair('A', id, given, 0);
  if (s->length > 0 || !s->in_ended) return;
  close_fd(&s->in);
  if (s->pid == 0) finish(id, 0, 0);
}

/* A terminal that is closed hangs up: its foreground group is signalled too. */
void signal_command(u8 id, u32 number) {
  if (id >= MAX_SESSIONS || !sessions[id].used || sessions[id].pid <= 0) return;
  sys(SYS_kill, -sessions[id].pid, number, 0, 0);
  if (number != SIGHUP || !sessions[id].has_terminal) return;
  close_fd(&sessions[id].in);
  close_fd(&sessions[id].out);
}

/* Sends what the command has written; with nothing more to come, the descriptor is closed. */
void forward_output(u8 id, int *fd, u8 type) {
  static u8 frame[FRAME];
  i64 n = sys_read(*fd, frame + HEADER, FRAME - HEADER);
  if (n > 0) return channel_send(type, id, frame, n);
  if (n != -EAGAIN && n != -EINTR) close_fd(fd);
}

/* What is in the pipes when a command ends is its output; what its descendants write later is not waited for. */
static void drain(u8 id, int *fd, u8 type) {
  int left = 0;
  while (*fd >= 0 && sys(SYS_ioctl, *fd, 0x541b /* FIONREAD */, &left, 0) == 0 && left > 0) forward_output(id, fd, type);
}

/* A read of a terminal that never blocks delivers what was written before; descendants may write on, so it has an end. */
static void drain_terminal(u8 id, int *fd) {
  static u8 frame[FRAME];
  i64 n;
  for (int i = 0; *fd >= 0 && i < 256 && (n = sys_read(*fd, frame + HEADER, FRAME - HEADER)) > 0; i++)
    channel_send('O', id, frame, n);
}

u32 exit_code(int status) {
  int signal = status & 0x7f;
  return signal ? 128 + signal : (status >> 8) & 0xff;
}

void note_exit(int pid, int status) {
  for (u8 id = 0; id < MAX_SESSIONS; id++) {
    struct session *s = &sessions[id];
    if (!s->used || s->pid != pid) continue;
    if (s->has_terminal) drain_terminal(id, &s->out);
    else drain(id, &s->out, 'O');
    drain(id, &s->err, 'E');
    finish(id, exit_code(status), 0);
  }
}
