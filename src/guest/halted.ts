/** Whether a guest can never go on: every CPU halts with interrupts off. */
import type { QmpClient } from '../qemu/qmp.ts'

/**
 * Asks QEMU's monitor for the registers of all CPUs. Only an NMI or another CPU could wake one of them, and there is
 * none that runs.
 *
 * Source: `info registers -a`, x86_cpu_dump_state in target/i386/cpu-dump.c.
 */
export async function isHaltedForGood(qmp: QmpClient): Promise<boolean> {
  return areHalted(await qmp.execute('human-monitor-command', { 'command-line': 'info registers -a' }))
}

/** The interrupt flag of EFLAGS. */
const IF = 0x200

/** Pure part. */
export function areHalted(registers: string): boolean {
  const cpus = [...registers.matchAll(/\b[ER]FL=([0-9a-f]+) .*\bHLT=([01])/g)]
  return (
    cpus.length > 0 &&
    cpus.every(([, flags = '', halted]) => halted === '1' && (Number.parseInt(flags, 16) & IF) === 0)
  )
}
