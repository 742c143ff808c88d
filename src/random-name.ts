/** Names that do not exist yet. Not for secrets: `node:crypto` takes 4 ms to load. */

/** So many hexadecimal digits by chance. V8 seeds its generator from the system's. */
export function randomDigits(count: number): string {
  return Array.from({ length: count }, () => Math.floor(Math.random() * 16).toString(16)).join('')
}
