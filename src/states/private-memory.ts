/**
 * Memory of a guest that maps a file privately: the file, and the pages that were written since (proc(5), pagemap and mem;
 * Linux, Documentation/admin-guide/mm/pagemap.rst).
 */
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, join } from 'node:path'

const PAGE = 4096n
/** Bytes of an entry of pagemap, and its bits. */
const ENTRY = 8
const IN_RAM = 1 << 31
const IN_SWAP = 1 << 30
const OF_FILE = 1 << 29

/** Part of a file in the memory of a process. */
interface Mapping {
  readonly from: bigint
  readonly to: bigint
  /** Position in the file. */
  readonly offset: bigint
}

/** Pages that are one after the other. */
export interface Run {
  readonly first: number
  readonly count: number
}

/** Bytes that are copied at once. */
const CHUNK = 4 * 1024 ** 2

/** A file that a process has open, by a path that also finds it after it was deleted. Undefined if it has none open. */
export function openedBy(pid: number, path: string): string | undefined {
  const wanted = statSync(path, { bigint: true, throwIfNoEntry: false })
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder)
    .map((fd) => join(folder, fd))
    .find((fd) => {
      if (wanted === undefined) return linkOf(fd).endsWith(`/${basename(path)}${DELETED}`)
      const found = statSync(fd, { bigint: true, throwIfNoEntry: false })
      return found?.ino === wanted.ino && found.dev === wanted.dev
    })
}

/** After the names of deleted files, in links and in maps. */
const DELETED = ' (deleted)'

/** Target of a link of proc, which may be gone. */
export function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/**
 * Writes the changed pages of a paused process into a copy of the file that it maps.
 *
 * @param file from `openedBy`
 * @returns bytes that were written
 */
export function addWrittenPages(pid: number, file: string, copy: string): number {
  const mappings = mappingsOf(readFileSync(`/proc/${pid}/maps`, 'utf8'), linkOf(file))
  if (mappings.length === 0) throw new Error(`process ${pid} does not map ${linkOf(file)}`)
  const fds = {
    pages: openSync(`/proc/${pid}/pagemap`, 'r'),
    memory: openSync(`/proc/${pid}/mem`, 'r'),
    copy: openSync(copy, 'r+'),
  }
  try {
    return mappings.reduce((sum, mapping) => sum + addMapping(mapping, fds), 0)
  } finally {
    for (const fd of Object.values(fds)) closeSync(fd)
  }
}

function addMapping(
  { from, to, offset }: Mapping,
  fds: { readonly pages: number; readonly memory: number; readonly copy: number },
): number {
  const entries = Buffer.alloc(Number((to - from) / PAGE) * ENTRY)
  readWhole(fds.pages, entries, Number(from / PAGE) * ENTRY)
  let written = 0
  for (const { first, count } of writtenRuns(entries)) {
    for (let done = 0; done < count * Number(PAGE); done += CHUNK) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, count * Number(PAGE) - done))
      const at = BigInt(first) * PAGE + BigInt(done)
      readWhole(fds.memory, chunk, Number(from + at))
      writeWholeAt(fds.copy, chunk, Number(offset + at))
      written += chunk.length
    }
  }
  return written
}

/** Pages of their own, in memory or swapped: the file has not their content. */
export function writtenRuns(entries: Buffer): readonly Run[] {
  const runs: { first: number; count: number }[] = []
  const words = new Int32Array(entries.buffer, entries.byteOffset, entries.length / 4)
  for (let page = 0; page < entries.length / ENTRY; page++) {
    // The upper half of a little-endian entry.
    const bits = words[2 * page + 1] ?? 0
    const isOwn = (bits & IN_SWAP) !== 0 || ((bits & IN_RAM) !== 0 && (bits & OF_FILE) === 0)
    if (!isOwn) continue
    const last = runs.at(-1)
    if (last && last.first + last.count === page) last.count += 1
    else runs.push({ first: page, count: 1 })
  }
  return runs
}

/** Lines of /proc/PID/maps that show the file. A newline in its path is `\\012` there. */
export function mappingsOf(maps: string, path: string): readonly Mapping[] {
  const shown = path.replaceAll('\n', '\\012')
  return maps.split('\n').flatMap((line) => {
    const found = /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ +(.*)$/.exec(line)
    if (!found || found[4] !== shown) return []
    const [from = 0n, to = 0n, offset = 0n] = found.slice(1, 4).map((digits) => BigInt(`0x${digits}`))
    return [{ from, to, offset }]
  })
}

function readWhole(fd: number, into: Buffer, position: number): void {
  for (let done = 0; done < into.length; ) {
    const count = readSync(fd, into, done, into.length - done, position + done)
    if (count === 0) throw new Error('the memory of QEMU ends early')
    done += count
  }
}

function writeWholeAt(fd: number, from: Buffer, position: number): void {
  for (let done = 0; done < from.length; )
    done += writeSync(fd, from, done, from.length - done, position + done)
}
