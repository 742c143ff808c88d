/** Names that are near another: for a package that was renamed, or a slip of the keyboard. */

import { editsBetween } from '../nearest.ts'

const MOST = 4

/** The nearest names, best first: those that hold the stem of it, else those a few letters off. Pure. */
export function nearest(wanted: string, names: readonly string[]): readonly string[] {
  const stem = wanted.replace(/^lib(?=.{3})/, '').replace(/(-dev|-devel)$|\d+(\.\d+)*$/g, '')
  const rated = names
    .filter((name) => name !== '' && Math.abs(name.length - wanted.length) <= 6)
    .map((name) => ({
      name,
      far: editsBetween(wanted, name) - (stem.length > 3 && name.includes(stem) ? 3 : 0),
    }))
    .filter(({ far }) => far <= Math.max(2, wanted.length / 3))
  return rated
    .sort((a, b) => a.far - b.far || a.name.localeCompare(b.name))
    .slice(0, MOST)
    .map(({ name }) => name)
}
