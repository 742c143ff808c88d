/** Names that are near another: for a package that was renamed, or a slip of the keyboard. */

const MOST = 4

/** The nearest names, best first: those that hold the stem of it, else those a few letters off. Pure. */
export function nearest(wanted: string, names: readonly string[]): readonly string[] {
  const stem = wanted.replace(/^lib(?=.{3})/, '').replace(/(-dev|-devel)$|\d+(\.\d+)*$/g, '')
  const rated = names
    .filter((name) => name !== '' && Math.abs(name.length - wanted.length) <= 6)
    .map((name) => ({ name, far: distance(wanted, name) - (stem.length > 3 && name.includes(stem) ? 3 : 0) }))
    .filter(({ far }) => far <= Math.max(2, wanted.length / 3))
  return rated
    .sort((a, b) => a.far - b.far || a.name.localeCompare(b.name))
    .slice(0, MOST)
    .map(({ name }) => name)
}

/** Levenshtein's: insertions, deletions and replacements. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
