/** The log of a service: private, and of bounded size. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder, OWN_FILE } from '../own-files.ts'

const LONGEST = 64 * 1024 * 1024
const LAST_LINES = 20
const LAST_BYTES = 16 * 1024

export interface ServiceLog {
  write(text: string): void
  /** The end of what was written, for findings. */
  readonly lastLines: readonly string[]
  close(): void
}

/** @param path of a file that must not be there yet; without it, only the last lines are kept. */
export function openLog(path: string | undefined, longest = LONGEST): ServiceLog {
  if (path !== undefined) makeFolder(dirname(path))
  let fd = path === undefined ? undefined : openSync(path, 'wx', OWN_FILE)
  let written = 0
  let tail = ''
  const close = () => {
    if (fd !== undefined) closeSync(fd)
    fd = undefined
  }
  return {
    write(text) {
      tail = (tail + text).slice(-LAST_BYTES)
      if (fd === undefined) return
      const room = longest - written
      written += text.length
      try {
        writeSync(
          fd,
          text.length <= room ? text : `${text.slice(0, room)}\n… the log ends here: it is full\n`,
        )
        if (text.length > room) close()
      } catch (error) {
        // A full disk must not end the run.
        if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
        close()
      }
    },
    get lastLines() {
      return tail.split('\n').filter(Boolean).slice(-LAST_LINES)
    },
    close,
  }
}
