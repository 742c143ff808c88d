/* Order of things; see agent.h. */
#include "agent.h"

_Noreturn void agent_main(void) {
  u64 blocked = 1ul << (SIGCHLD - 1) | 1ul << (SIGPIPE - 1);
  sys(SYS_rt_sigprocmask, 0, &blocked, 0, 8);
  int is_alone = is_first_process();
  if (is_alone) end_on_signals();
  if (is_alone) mount_kernel_file_systems();
  int uevents = uevent_socket();
  if (is_alone) follow_boot_script("/lib/bringup/boot");
  if (is_alone && command_line_has("bringup.console")) start_console_shell();
  int port = open_port("org.bringup.shell", uevents);
  if (port < 0) complain("port", "org.bringup.shell", port);
  while (port < 0) sys(SYS_wait4, -1, 0, 0, 0);
  channel_open(port);
  serve(uevents);
}
