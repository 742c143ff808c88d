/** Names a process uniquely: a PID alone is used again. Source: proc(5). */
import { readFileSync } from 'node:fs'

/**
 * Field 22 of /proc/PID/stat, ticks since boot. Empty when there is no such process, or it has ended and waits for its
 * parent to take notice (state Z).
 */
export function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' ? '' : (fields[18] ?? '')
  } catch {
    return ''
  }
}

/** Differs from boot to boot of this computer. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}
