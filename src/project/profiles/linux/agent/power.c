/*
 * `poweroff`, `halt` and `reboot` of busybox signal the first process: SIGUSR2, SIGUSR1 and SIGTERM (init/halt.c). The
 * kernel sends SIGINT for Ctrl-Alt-Del. A machine that halts would never end, so halt powers off as well.
 */
#include "agent.h"

struct action { void (*handler)(int); u64 flags; void (*restorer)(void); u64 mask; };

static void end_on(int signal) {
  end_machine_now(signal == SIGTERM || signal == SIGINT);
}

/* The kernel requires a restorer; end_on never returns to it. */
static void never(void) {}

void end_on_signals(void) {
  static const int signals[] = { SIGUSR1, SIGUSR2, SIGTERM, SIGINT };
  struct action action = { end_on, 0x04000000 /* SA_RESTORER */, never, ~0ul };
  for (u32 i = 0; i < sizeof signals / sizeof *signals; i++) sys(SYS_rt_sigaction, signals[i], &action, 0, 8);
}
