/** Reads a source tree: names and texts, read only when asked for. What cannot be read is missing. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readStart, statOf } from './read-start.ts'
import type { SourceTree } from './tree.ts'

const MOST_BYTES = 1024 * 1024

/** The tree of one folder. */
export function sourceTree(folder: string): SourceTree {
  const stat = (path: string) => statOf(join(folder, path))
  return {
    folder,
    has: (path) => stat(path) !== undefined,
    read: (path) =>
      stat(path)?.isFile() ? readStart(join(folder, path), MOST_BYTES)?.toString('utf8') : undefined,
    list: (path = '.') => (stat(path)?.isDirectory() ? namesIn(join(folder, path)) : []),
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}
