/** Names that do not exist yet. Not for secrets: `node:crypto` takes 4 ms to load. */

/** So many hexadecimal digits by chance. V8 seeds its generator from the system's. */
export function randomDigits(count: number): string {
  return Array.from({ length: count }, () => Math.floor(Math.random() * 16).toString(16)).join('')
}

/**
 * Name of a run or a sweep: its time to the second, then three hexadecimal digits of milliseconds and five by chance, so
 * that names of one folder sort by the time of their start.
 */
export function timedName(now: Date): string {
  const second = now.toISOString().slice(0, 19).replaceAll(':', '-')
  return `${second}-${now.getUTCMilliseconds().toString(16).padStart(3, '0')}${randomDigits(5)}`
}

/** What fits into sun_path after the leading zero byte (unix(7)). */
const ABSTRACT_NAME_BYTES = 107

/**
 * Name of an abstract socket, without the leading zero byte. Node pads names to their full length, QEMU does not: a full
 * name is the same for both.
 */
export function abstractName(purpose: string): string {
  return `bringup-${purpose === '' ? '' : `${purpose}-`}${randomDigits(48)}`.padEnd(ABSTRACT_NAME_BYTES, '-')
}
