/** SHA-256 of all that lies in a folder, by which `verify` finds what has changed. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/**
 * Every file by its path in the folder, and a symbolic link by `-> TARGET`. Folders, devices and sockets are left out.
 *
 * @param except Paths that are left out
 * @throws the system's error; the signal's reason when aborted
 */
export async function digestsOf(
  folder: string,
  { except = [], signal }: { readonly except?: readonly string[]; readonly signal?: AbortSignal } = {},
): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {}
  const visit = async (below: string): Promise<void> => {
    const entries = await readdir(join(folder, below), { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(below, entry.name)
      if (except.includes(path)) continue
      if (entry.isDirectory()) await visit(path)
      else if (entry.isSymbolicLink()) found[path] = `-> ${await readlink(join(folder, path))}`
      else if (entry.isFile()) found[path] = await digestOf(join(folder, path), signal)
    }
  }
  await visit('')
  return found
}

/** SHA-256 of one file. */
export async function digestOf(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash, signal ? { signal } : {})
  return hash.digest('hex')
}
