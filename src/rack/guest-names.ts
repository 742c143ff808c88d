/** Names of the guests of a rack. Pure. */

/** Names of the guests that one entry of a rack describes: `client`, or `client-1`, `client-2`, … from two on. */
export function guestNames(key: string, count: number): readonly string[] {
  return count === 1 ? [key] : Array.from({ length: count }, (_, index) => `${key}-${index + 1}`)
}

/** Name under which stores, MAC addresses and locks of a guest are kept, apart from those of every other guest. */
export function placeName(rack: string, guest: string): string {
  return `${rack}.${guest}`
}
