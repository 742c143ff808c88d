/**
 * What programs say of their version, kept by the program's identity: a file that is the same as before says the same.
 * A program that could not be run is tried again the next time.
 */
import { execFile } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { writeWhole } from '../own-files.ts'

/** A program that asks something or loads slowly; on a loaded computer even a fast one takes seconds. */
const TIMEOUT_MS = 15_000

export interface Versions {
  readonly say: (path: string, args: readonly string[]) => Promise<string>
  /** Writes down what was learnt. */
  readonly keep: () => void
}

export function openVersions(cacheFolder: string, signal: AbortSignal): Versions {
  const file = join(cacheFolder, 'program-versions.json')
  const kept = read(file)
  const learnt: Record<string, string> = {}
  return {
    async say(path, args) {
      const key = identityOf(path, args)
      if (key === undefined) return ''
      const known = kept[key]
      const words = known ?? (await ask(path, args, signal))
      if (words !== '') learnt[key] = words
      return words
    },
    keep() {
      if (Object.keys(learnt).every((key) => kept[key] !== undefined)) return
      try {
        // Another bringup may write at the same time: one of the two files wins, and both are whole.
        writeWhole(file, JSON.stringify({ ...kept, ...learnt }))
      } catch {
        // Without a writable cache the version is read again.
      }
    },
  }
}

function read(file: string): Readonly<Record<string, string>> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>
  } catch {
    return {}
  }
}

/** Follows links: what `cc` is may change without the link being touched. */
function identityOf(path: string, args: readonly string[]): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats && [path, stats.ino, stats.size, stats.mtimeMs, ...args].join(' ')
}

/** The first line that has a digit. Busybox says its version and fails: so the output counts, not the status. */
function ask(path: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const options = { timeout: TIMEOUT_MS, signal, env: { ...process.env, LC_ALL: 'C' } }
  return new Promise((resolve) => {
    execFile(path, args, options, (_error, stdout, stderr) => {
      const line = (stdout || stderr).split('\n').find((l) => /\d/.test(l))
      resolve(line?.trim() ?? '')
    })
  })
}
