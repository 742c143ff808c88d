/** The output of a guest's command in the record, beside its console log. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { GuestFolder } from '../guest/record.ts'
import { OWN_FILE } from '../own-files.ts'

/** A command that writes forever must not fill the disk. */
const MOST_BYTES = 1024 * 1024 * 1024

export const commandLog = ({ path }: Pick<GuestFolder, 'path'>) => join(path, 'command.log')

/** A disk that is full must not end the guest: the log stops. */
export function openCommandLog(folder: Pick<GuestFolder, 'path'>): {
  write(chunk: Uint8Array): void
  close(): void
} {
  let file: number | undefined = openSync(commandLog(folder), 'a', OWN_FILE)
  let written = 0
  const close = () => {
    if (file !== undefined) closeSync(file)
    file = undefined
  }
  return {
    write: (chunk) => {
      written += chunk.length
      if (file === undefined || written > MOST_BYTES) return
      try {
        writeSync(file, chunk)
      } catch {
        close()
      }
    },
    close,
  }
}
