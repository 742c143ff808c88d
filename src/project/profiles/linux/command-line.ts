/** The kernel command line of a Linux guest. */

/**
 * `quiet` saves 0.15 s of console output, `cryptomgr.notests` 0.05 s; `no_timer_check` skips a test that fails on an
 * emulated CPU that the host delays ("IO-APIC + timer doesn't work"); `panic=-1` makes a panic a reset at once, which
 * ends the run. `nokaslr` keeps the kernel where its symbols are.
 */
export function commandLine({
  terminal,
  hasConsoleShell,
  hasGdb,
}: {
  /** The kernel's console. */
  readonly terminal: 'ttyS0' | 'hvc0'
  readonly hasConsoleShell: boolean
  readonly hasGdb: boolean
}): string {
  const words = [`console=${terminal}`, 'quiet', 'cryptomgr.notests', 'no_timer_check', 'panic=-1']
  return [...words, ...(hasGdb ? ['nokaslr'] : []), ...(hasConsoleShell ? ['bringup.console'] : [])].join(' ')
}
