/** DAX devices: persistent memory as a character device, and disks that are memory. Source: the kernel's sysfs. */
import { readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { DaxDevice } from '../machine/facts.ts'

/**
 * What the kernel says of a DAX device; undefined for other paths.
 *
 * @param root the file system to read sysfs from, for another computer's
 */
export function readDaxDevice(path: string, root = '/'): DaxDevice | undefined {
  const name = basename(path)
  if (!/^dax\d+\.\d+$/.test(name)) return undefined
  const folder = join(root, 'sys/bus/dax/devices', name)
  const bytes = readNumber(join(folder, 'size'))
  const align = readNumber(join(folder, 'align'))
  if (bytes === undefined || align === undefined) return undefined
  const node = readNumber(join(folder, 'target_node')) ?? readNumber(join(folder, 'numa_node'))
  return { name, bytes, align, ...(node === undefined || node < 0 ? {} : { node }) }
}

/**
 * Whether the disk below a file is memory that the kernel can map directly (`queue/dax`). A file system on one may still
 * refuse it; one on any other disk cannot grant it.
 */
export function isOnDaxDisk(path: string, root = '/'): boolean {
  const { dev } = statSync(path, { bigint: true })
  const [major, minor] = [(dev >> 8n) & 0xfffn, (dev & 0xffn) | ((dev >> 12n) & 0xfff00n)]
  const folder = join(root, 'sys/dev/block', `${major}:${minor}`)
  // A partition has no queue of its own.
  return [join(folder, 'queue/dax'), join(folder, '../queue/dax')].some((file) => readNumber(file) === 1)
}

function readNumber(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return text === '' || !Number.isSafeInteger(Number(text)) ? undefined : Number(text)
  } catch {
    return undefined
  }
}
