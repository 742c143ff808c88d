/** The word that was probably meant. */

/**
 * The candidate with the fewest edits to `word`, if they are few enough for slips of the finger (a third of the word).
 * Of equals, the one that is as long as the word: swapped letters are likelier than forgotten ones.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  return allNearest(word, candidates)[0]
}

/** All candidates with the fewest edits to `word`, those that are as long as the word first. */
export function allNearest(word: string, candidates: readonly string[]): readonly string[] {
  const limit = Math.max(1, Math.floor(word.length / 3) + 1)
  const lengthTo = (candidate: string) => Math.abs(candidate.length - word.length)
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: editsBetween(word.toLowerCase(), candidate.toLowerCase()) }))
    // A word with no letter in common was not meant.
    .filter(({ candidate, edits }) => edits <= limit && edits < Math.max(word.length, candidate.length))
    .toSorted((a, b) => a.edits - b.edits || lengthTo(a.candidate) - lengthTo(b.candidate))
  return ranked.filter(({ edits }) => edits === ranked[0]?.edits).map(({ candidate }) => candidate)
}

/** Insertions, deletions, replacements and swaps of neighbours (Damerau–Levenshtein, optimal string alignment). */
export function editsBetween(a: string, b: string): number {
  let [older, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (older[j - 2] ?? 0) + 1 : Infinity
      row.push(Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced, swapped))
    }
    ;[older, last] = [last, row]
  }
  return last[b.length] ?? 0
}
