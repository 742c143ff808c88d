/** Answers that cost time, kept by what they depend on. A file that is broken or missing is an answer not kept. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The answer kept under that name, if it can be read. */
export function readKept<T>(folder: string, name: string): T | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as T
  } catch {
    return undefined
  }
}

/** Keeps an answer, whole or not at all. A cache that cannot be written only costs time, so nothing is thrown. */
export function keep(folder: string, name: string, answer: unknown): void {
  const path = join(folder, `${name}.json`)
  const partial = `${path}.${randomBytes(4).toString('hex')}`
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(partial, JSON.stringify(answer))
    renameSync(partial, path)
  } catch {
    discard(partial)
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // The folder itself is no folder: then nothing was written either.
  }
}

/** SHA-256 of a file, itself remembered by the file's identity and times, since hashing QEMU takes 40 ms. */
export function contentOf(path: string, cacheFolder: string): string {
  const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path)
  const identity = nameOf([path, dev, ino, size, mtimeMs, ctimeMs])
  const known = readKept<unknown>(join(cacheFolder, 'files'), identity)
  if (typeof known === 'string' && /^[0-9a-f]{64}$/.test(known)) return known
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex')
  keep(join(cacheFolder, 'files'), identity, sha256)
  return sha256
}

/** A file name for whatever an answer depends on. */
export function nameOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}
