/*
 * The agent: it runs commands that come over a virtio serial port. As the first process of a guest it also mounts the
 * kernel's file systems and loads modules in the order that bringup found; under an init system it is a service and
 * does nothing else. The protocol is described in src/guest/shell-frames.ts, which is its other end.
 */
#pragma once
#include "sys.h"

/* boot.c: what a system needs before anything can run in it. */
void mount_kernel_file_systems(void);
void follow_boot_script(const char *path);
void complain(const char *what, const char *name, i64 error);
int command_line_has(const char *word);
int is_first_process(void);
_Noreturn void end_machine(int restart);
_Noreturn void end_machine_now(int restart);
_Noreturn void channel_lost(void);

/* power.c: `poweroff`, `halt` and `reboot` signal the first process. */
void end_on_signals(void);

/* terminal.c: a pseudo-terminal, whose near side takes the place of the pipes. */
struct terminal { int near, far; };
i64 open_terminal_pair(struct terminal *t, u32 rows, u32 columns);
void resize_terminal(int near, u32 rows, u32 columns);
void take_terminal(int far);

/* console.c: an interactive shell beside the channel. */
void start_console_shell(void);
/* A descriptor that can be read once the shell has ended with a code other than 0; negative without a shell. */
int console_exit_codes(void);
/* Tells the host that code, and powers off. */
void end_with_console(void);

/* port.c: the virtio serial port of that name, waited for. */
int uevent_socket(void);
int open_port(const char *name, int uevents);
/* Ports appear one by one, each with an uevent. */
void link_ports(void);
void link_new_ports(int uevents);

/* session.c: commands and file transfers. */
enum { MAX_SESSIONS = 8, WINDOW = 64 * 1024, FRAME = 32 * 1024, HEADER = 8, LARGEST_REQUEST = 256 * 1024, LARGEST_FILE = 256 << 20 };

struct session {
  int used, pid, exited, code, failed;
  /* `in` and `out` are then the near side of a terminal, and `err` is unused. */
  int has_terminal;
  int in, out, err;
  int in_ended;
  u32 head, length;
  u8 window[WINDOW];
};
extern struct session sessions[MAX_SESSIONS];

void begin_command(u8 id, const u8 *payload, u32 size);
void begin_terminal(u8 id, const u8 *payload, u32 size);
void resize(u8 id, u32 rows, u32 columns);
void begin_write(u8 id, const u8 *payload, u32 size);
void read_whole(u8 id, const char *path);
void take_input(u8 id, const u8 *payload, u32 size);
void signal_command(u8 id, u32 number);
void give_input(u8 id);
void forward_output(u8 id, int *fd, u8 type);
void note_exit(int pid, int status);
/* 128 + the signal for a command that a signal ended. */
u32 exit_code(int status);

/* state.c: clock and random numbers of a restored guest. */
void resume_state(u8 id, const u8 *payload, u32 size);

/* channel.c: frames. */
void channel_open(int fd);
void channel_send(u8 type, u8 id, u8 *frame, u32 payload);
void channel_send_pair(u8 type, u8 id, u32 first, u32 second);
_Noreturn void serve(int uevents);
