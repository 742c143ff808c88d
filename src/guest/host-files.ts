/** Makes the files that a plan says must be there before QEMU starts. */
import {
  closeSync,
  ftruncateSync,
  linkSync,
  openSync,
  readSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { FileAction } from '../machine/device.ts'
import { makeFolder, OWN_FILE, partialName } from '../own-files.ts'
import { formatBytes } from '../units.ts'

export const problems = defineDiagnostics({
  STORE_NOT_CREATED: {
    title: 'A backing file could not be created.',
    why: 'the device keeps its content there',
    remedy: 'make the folder writable, free space on its file system, or name another file',
  },
})

/**
 * Creates missing backing files, sparse. A file that another process made in the meantime is left as it is.
 *
 * @throws BringupError STORE_NOT_CREATED, with what was made in this call taken away again.
 */
export function createFiles(files: readonly FileAction[]): void {
  const made: string[] = []
  const failed: Diagnostic[] = []
  for (const { path, bytes, from } of files) {
    try {
      makeFolder(dirname(path))
      if (from === undefined) writeNew(path, made, (fd) => ftruncateSync(fd, bytes))
      else copyNew(from, path, bytes, made)
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

function writeNew(path: string, made: string[], write: (fd: number) => void): void {
  const fd = openSync(path, 'wx', OWN_FILE)
  made.push(path)
  try {
    write(fd)
  } finally {
    closeSync(fd)
  }
}

/** A copy that was cut off is never taken for an image: it gets its name when it is whole. */
function copyNew(from: string, path: string, bytes: number, made: string[]): void {
  const partial = partialName(path)
  try {
    writeNew(partial, [], (fd) => copySparse(from, fd, bytes))
    linkSync(partial, path)
    made.push(path)
  } finally {
    rmSync(partial, { force: true })
  }
}

const BLOCK = 1024 * 1024

/** What is only zeros stays a hole. */
function copySparse(from: string, to: number, bytes: number): void {
  const [block, zeros] = [Buffer.alloc(BLOCK), Buffer.alloc(BLOCK)]
  const source = openSync(from, 'r')
  try {
    for (let at = 0; at < bytes; at += BLOCK) {
      const count = readSync(source, block, 0, BLOCK, at)
      if (block.compare(zeros, 0, count, 0, count) !== 0) writeSync(to, block, 0, count, at)
    }
    ftruncateSync(to, bytes)
  } finally {
    closeSync(source)
  }
}
