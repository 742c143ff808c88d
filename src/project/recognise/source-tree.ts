/** Reads a source tree: names and texts, read only when asked for. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { SourceTree } from './tree.ts'

const MOST_BYTES = 1024 * 1024

/** The tree of one folder. */
export function sourceTree(folder: string): SourceTree {
  const stat = (path: string) => statSync(join(folder, path), { throwIfNoEntry: false })
  return {
    folder,
    has: (path) => stat(path) !== undefined,
    read: (path) =>
      stat(path)?.isFile()
        ? readFileSync(join(folder, path)).subarray(0, MOST_BYTES).toString('utf8')
        : undefined,
    list: (path = '.') => (stat(path)?.isDirectory() ? readdirSync(join(folder, path)).sort() : []),
  }
}
