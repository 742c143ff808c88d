/** Makes the files that a plan says must be there before QEMU starts. */
import { closeSync, ftruncateSync, mkdirSync, openSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { FileAction } from '../machine/device.ts'
import { formatBytes } from '../units.ts'

export const problems = defineDiagnostics({
  STORE_NOT_CREATED: {
    title: 'A backing file could not be created.',
    why: 'the device keeps its content there',
    remedy: 'make the folder writable, free space on its file system, or name another file',
  },
})

/**
 * Creates missing backing files, sparse. A file that somebody else made in the meantime is left as it is.
 *
 * @throws BringupError STORE_NOT_CREATED, with what was made in this call taken away again.
 */
export function createFiles(files: readonly FileAction[]): void {
  const made: string[] = []
  const failed: Diagnostic[] = []
  for (const { path, bytes } of files) {
    try {
      mkdirSync(dirname(path), { recursive: true })
      const fd = openSync(path, 'wx', 0o644)
      made.push(path)
      try {
        ftruncateSync(fd, bytes)
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'EEXIST')
        failed.push(problems.STORE_NOT_CREATED.at('', `${path} (${formatBytes(bytes)}): ${message}`))
    }
  }
  if (failed.length === 0) return
  for (const path of made) unlinkSync(path)
  throw new BringupError(failed)
}
