/** Writes cpio archives in the `newc` form, the one that Linux unpacks at boot. The same entries give the same bytes. */

export type Entry =
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: 'folder'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }

const TYPE = { file: 0o100000, folder: 0o040000, link: 0o120000 }

/**
 * One archive. Parents that are missing are added, entries are sorted, a path given twice is kept once (the last),
 * times are zero and numbers count up, so nothing of the computer it was made on is in it.
 *
 * Source: Documentation/driver-api/early-userspace/buffer-format.rst of Linux.
 */
export function cpio(entries: readonly Entry[]): Buffer {
  const byPath = new Map<string, Entry>()
  for (const entry of entries) {
    const path = entry.path.replace(/^\/+/, '')
    for (const parent of parentsOf(path))
      if (!byPath.has(parent)) byPath.set(parent, { kind: 'folder', path: parent })
    byPath.set(path, { ...entry, path })
  }
  const sorted = [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  const records = sorted.flatMap((entry, index) => record(entry, index + 1))
  const all = Buffer.concat([...records, ...header('TRAILER!!!', { inode: 0, mode: 0, links: 1, size: 0 })])
  return Buffer.concat([all, Buffer.alloc(padding(all.length, 512))])
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'))
}

function record(entry: Entry, inode: number): readonly Uint8Array[] {
  const content =
    entry.kind === 'file'
      ? entry.content
      : entry.kind === 'link'
        ? Buffer.from(entry.target)
        : Buffer.alloc(0)
  const mode = TYPE[entry.kind] | (entry.kind === 'link' ? 0o777 : (entry.mode ?? 0o755))
  const head = header(entry.path, {
    inode,
    mode,
    links: entry.kind === 'folder' ? 2 : 1,
    size: content.length,
  })
  return [...head, content, Buffer.alloc(padding(content.length, 4))]
}

function header(
  path: string,
  about: { inode: number; mode: number; links: number; size: number },
): readonly Uint8Array[] {
  const name = Buffer.from(`${path}\0`)
  const fields = [about.inode, about.mode, 0, 0, about.links, 0, about.size, 0, 0, 0, 0, name.length, 0]
  const text = Buffer.from(`070701${fields.map((f) => f.toString(16).padStart(8, '0')).join('')}`)
  return [text, name, Buffer.alloc(padding(text.length + name.length, 4))]
}

const padding = (length: number, unit: number) => (unit - (length % unit)) % unit
