/** A file that gets its name once it is complete, so that a kill leaves nothing under that name. */
import { closeSync, constants, linkSync, openSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { OWN_FILE, partialName } from '../own-files.ts'
import { appendJournal, identityOf, journalPath } from './journal.ts'
import { runFor, told } from './system.ts'

/** Linux on x86 (open(2)); Node has no name for it. */
const O_TMPFILE = 0o20200000

export interface NewFile {
  /** Where it can be opened until it has its name. */
  readonly path: string
  /** Gives it its name; fails where a file has that name by then. */
  readonly name: (signal?: AbortSignal) => Promise<void>
  readonly close: () => void
}

/** Without any name where the file system supports it (open(2), O_TMPFILE), else under a temporary one beside it. */
export function newFile(to: string): NewFile {
  try {
    const fd = openSync(dirname(to), O_TMPFILE | constants.O_RDWR, OWN_FILE)
    const path = `/proc/${process.pid}/fd/${fd}`
    return {
      path,
      name: (signal) => runFor(to, ['ln', '-L', '-T', '--', path, to], signal),
      close: () => closeSync(fd),
    }
  } catch {
    const path = partialName(to)
    closeSync(told(to, () => openSync(path, 'wx', OWN_FILE)))
    return {
      path,
      name: async () => told(to, () => linkSync(path, to)),
      close: () => rmSync(path, { force: true }),
    }
  }
}

/** What a store was made as. */
export interface Made {
  readonly to: string
  /** Bytes. */
  readonly size: number
  readonly label: number
  readonly stateFolder: string
}

/** Writes the record of a store before the store has its name: a kill in between leaves a record alone, which is harmless. */
export function recordMade(path: string, { to, size, label, stateFolder }: Made): void {
  const file = told(to, () => identityOf(statSync(path)))
  const line = { event: 'made', at: new Date().toISOString(), size, label, file } as const
  told(to, () => appendJournal(journalPath(to, stateFolder), line, { isDurable: true }))
}
