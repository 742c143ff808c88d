/** Writes a file that an option names. */
import { writeFileSync } from 'node:fs'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'

export const problems = defineDiagnostics({
  OPTION_FILE_NOT_WRITTEN: {
    title: 'A file that an option names cannot be written.',
    why: 'its folder is missing or not writable, or the disk is full',
    remedy: 'name a file in a folder that exists and is yours',
  },
})

/** @throws BringupError OPTION_FILE_NOT_WRITTEN */
export function writeNamedFile(option: string, path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(path, content)
  } catch (error) {
    throw new BringupError([problems.OPTION_FILE_NOT_WRITTEN.at(option, (error as Error).message)])
  }
}
