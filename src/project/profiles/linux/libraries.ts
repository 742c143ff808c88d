/** Which files a program needs to run: its libraries, found as the dynamic loader finds them, without running anything. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { readDynamic } from './elf.ts'

/** A file of the host, or of a package unpacked in the cache, and where it goes in the guest. */
export interface NeededFile {
  /** Where it is now. */
  readonly from: string
  /** Absolute path in the guest: the same as on a system where it is installed. */
  readonly to: string
}

export interface LibrarySearch {
  /** Folders that hold a file system each, in order: unpacked packages first, `/` last. */
  readonly roots: readonly string[]
}

const GUEST_FOLDER = '/lib/x86_64-linux-gnu'
const DEFAULT_FOLDERS = [
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
  '/lib64',
  '/usr/lib64',
  '/lib',
  '/usr/lib',
]

/** The folders that `/etc/ld.so.conf` and what it includes name, in order (ldconfig(8)). */
export function configuredFolders(root = '/'): readonly string[] {
  const read = (path: string): readonly string[] => {
    const file = join(root, path)
    if (!existsSync(file)) return []
    return readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const words = line.replace(/#.*/, '').trim()
        const included = /^include\s+(\S+)/.exec(words)?.[1]
        if (included !== undefined) return matching(root, included).flatMap(read)
        return words.startsWith('/') ? [words] : []
      })
  }
  return read('/etc/ld.so.conf')
}

/** Files of one folder that match a pattern whose only wildcard is `*` in the last part. */
function matching(root: string, pattern: string): readonly string[] {
  const folder = dirname(pattern)
  if (!existsSync(join(root, folder))) return []
  const [start = '', end = ''] = basename(pattern).split('*')
  return readdirSync(join(root, folder))
    .filter((name) => name.startsWith(start) && name.endsWith(end))
    .sort()
    .map((name) => join(folder, name))
}

/**
 * All files that a program loads, itself included: interpreter and libraries, and theirs.
 *
 * Order of search as in ld.so(8): RUNPATH (with `$ORIGIN`), the configured folders, the default ones.
 *
 * @returns `missing`: names of libraries that were found nowhere.
 */
export function withLibraries(
  program: NeededFile,
  search: LibrarySearch,
): { readonly files: readonly NeededFile[]; readonly missing: readonly string[] } {
  const folders = [...configuredFolders(), ...DEFAULT_FOLDERS]
  const files = new Map<string, NeededFile>()
  const missing = new Set<string>()
  const add = (file: NeededFile) => {
    if (files.has(file.to)) return
    files.set(file.to, file)
    const content = readFileSync(file.from)
    const dynamic = readDynamic(content)
    if (!dynamic) return
    if (needsUnwinder(basename(file.to), content)) addLibrary(UNWINDER, [], { isOptional: true })
    if (dynamic.interpreter !== undefined) addPath(dynamic.interpreter)
    const own = dynamic.searchPath.map((path) => path.replaceAll(/\$\{?ORIGIN\}?/g, dirname(file.to)))
    for (const name of dynamic.needed) addLibrary(name, own)
  }
  const addPath = (path: string) => {
    const found = locate(path, search)
    if (found) add(found)
    else missing.add(path)
  }
  const addLibrary = (name: string, own: readonly string[], { isOptional = false } = {}) => {
    if (name.includes('/')) return addPath(name)
    if ([...files.keys()].some((to) => basename(to) === name)) return
    const found = [...own, ...folders]
      .map((folder) => locate(join(folder, name), search))
      .find((file) => file !== undefined)
    // The guest has no ld.so.cache: its loader knows the default folders only.
    if (found) add(own.includes(dirname(found.to)) ? found : { ...found, to: join(GUEST_FOLDER, name) })
    else if (!isOptional) missing.add(name)
  }
  add(program)
  return { files: [...files.values()], missing: [...missing] }
}

/** glibc opens it by name when a thread is cancelled or ends itself (sysdeps/nptl/unwind-forcedunwind.c). */
const UNWINDER = 'libgcc_s.so.1'
const CALLS_UNWINDER = ['\0pthread_exit\0', '\0pthread_cancel\0'] as const

/** Without it such a program aborts: "libgcc_s.so.1 must be installed for pthread_exit to work". */
const needsUnwinder = (name: string, content: Buffer) =>
  !/^(libc|libpthread|libgcc_s)\.so/.test(name) &&
  CALLS_UNWINDER.some((call) => content.includes(call, 0, 'latin1'))

/** The first root that has the path. `/lib` and `/usr/lib` are one folder on merged systems and two in packages. */
export function locate(path: string, { roots }: LibrarySearch, links = MOST_LINKS): NeededFile | undefined {
  const merged = path.startsWith('/usr/') ? path.slice('/usr'.length) : join('/usr', path)
  for (const root of roots) {
    for (const candidate of [path, merged]) {
      const from = join(root, candidate)
      if (existsSync(from)) return { from, to: path }
      // A link of a package may lead to a file of another one, which is unpacked elsewhere.
      const target = links > 0 ? linkOf(from) : undefined
      const found = target && locate(resolve(dirname(candidate), target), { roots }, links - 1)
      if (found) return { from: found.from, to: path }
    }
  }
  return undefined
}

/** Longest chain of links that the kernel follows (path_resolution(7)). */
const MOST_LINKS = 40

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
