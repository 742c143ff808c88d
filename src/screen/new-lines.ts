/** What a screen shows that it did not show before. Pure. */

/**
 * Lines of `next` that are not in `before`, where the screen scrolled or got more lines. A line that has grown since is
 * new as a whole. A screen that was drawn anew is new from its first line on.
 */
export function newLines(before: readonly string[], next: readonly string[]): readonly string[] {
  for (let scrolled = 0; scrolled < before.length; scrolled++) {
    const kept = before.slice(scrolled)
    if (kept.length > next.length) continue
    const same = kept.findIndex((line, i) => line !== next[i])
    if (same < 0) return next.slice(kept.length)
    const isLast = same === kept.length - 1
    if (isLast && next[same]?.startsWith(kept[same] ?? '')) return next.slice(same)
  }
  return next.filter((line) => line !== '')
}

/** Lines of `next` that `before` did not show: new ones, or where the screen was drawn anew, those that differ in place. */
export function changedLines(before: readonly string[], next: readonly string[]): readonly string[] {
  const added = newLines(before, next)
  const isAnew = added.length === next.filter((line) => line !== '').length
  return isAnew ? next.filter((line, i) => line !== before[i]) : added
}
