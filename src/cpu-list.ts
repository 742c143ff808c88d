/** Lists of numbers as the kernel and taskset write them: `0-3,8`. Source: cpuset(7), "List format". */

/** The numbers of such a list; empty text is an empty list. */
export function parseCpuList(text: string): readonly number[] {
  return text
    .trim()
    .split(',')
    .filter((part) => /^\d+(-\d+)?$/.test(part))
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number)
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
    })
}

/** The shortest such list. */
export function formatCpuList(numbers: readonly number[]): string {
  const ranges: [first: number, last: number][] = []
  for (const n of [...new Set(numbers)].sort((a, b) => a - b)) {
    const open = ranges.at(-1)
    if (open && open[1] === n - 1) open[1] = n
    else ranges.push([n, n])
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}
