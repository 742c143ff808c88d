/** A count with its noun, as `1 socket` or `2 sockets`. */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : many}`
}
