/** What Linux prints when it ends in order: `kernel_restart` and `kernel_halt` of kernel/reboot.c. A panic skips both. */
export const LINUX_ENDS = {
  restartPatterns: ['(^|\\] )reboot: Restarting system'],
  haltPatterns: ['(^|\\] )reboot: System halted'],
} as const
