/** Files of /proc and /sys: small, and absent where the kernel lacks the feature. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The text without surrounding white space; undefined when it cannot be read. */
export function readText(root: string, path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8').trim()
  } catch {
    return undefined
  }
}

/** Names in a folder; none when it cannot be read. */
export function listFolder(root: string, path: string): readonly string[] {
  try {
    return readdirSync(join(root, path))
  } catch {
    return []
  }
}
