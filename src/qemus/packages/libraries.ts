/** Which libraries a program needs, asked of the dynamic loader: ld.so(8). */
import { type Dirent, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runTool, type ToolContext } from '../run-tool.ts'

/** What is loaded by name while a program runs, and so is in no list: name service, and what ends threads (ld.so(8), nss(5)). */
export const BY_NAME = ['libgcc_s.so.1', 'libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2']

/** Path of the loader that the program asks for: `/lib64/ld-linux-x86-64.so.2`. */
export function interpreterOf(program: string): string | undefined {
  return /\0?(\/lib[^\0]*\/ld-[^\0]+\.so\.\d)\0/.exec(
    readFileSync(program).subarray(0, 4096).toString('latin1'),
  )?.[1]
}

/** Libraries by name with the file that was found for each, and what is missing: a library, or a version in one. */
export interface LibraryList {
  readonly found: ReadonlyMap<string, string>
  readonly missing: readonly string[]
}

/** @param searched Folders that the loader searches first */
export async function librariesOf(
  program: string,
  { loader, searched }: { readonly loader: string; readonly searched: readonly string[] },
  context: ToolContext,
): Promise<LibraryList> {
  const path = searched.length > 0 ? ['--library-path', searched.join(':')] : []
  const { onLine: _, ...quiet } = context
  const { lines, status } = await runTool([loader, ...path, '--list', program], quiet)
  const list = parseList(lines)
  return status === 0 || list.missing.length > 0
    ? list
    : { found: list.found, missing: lines.slice(-1).filter(Boolean) }
}

/** Pure. */
export function parseList(lines: readonly string[]): LibraryList {
  const found = new Map<string, string>()
  const missing: string[] = []
  for (const line of lines) {
    const [, name, path] = /^\t(\S+) => (\/\S.*) \(0x[0-9a-f]+\)$/.exec(line) ?? []
    if (name !== undefined && path !== undefined) found.set(name, path)
    const absent =
      /^\t(\S+) => not found/.exec(line)?.[1] ??
      /error while loading shared libraries: ([^:]+): cannot open/.exec(line)?.[1]
    const version = /version `([^']+)' not found/.exec(line)?.[1]
    if (absent !== undefined) missing.push(absent)
    if (version !== undefined) missing.push(version)
  }
  return { found, missing: [...new Set(missing)] }
}

/** Folders below `root` in which packages put libraries. */
export function libraryFolders(root: string): readonly string[] {
  return ['lib', 'usr/lib', 'lib64', 'usr/lib64'].flatMap((folder) => {
    const path = join(root, folder)
    const own = existsSync(path) ? readdirSync(path, { withFileTypes: true }) : []
    const inner = own.filter((e: Dirent) => e.isDirectory() && /-linux-/.test(e.name))
    return [...inner.map((e) => join(path, e.name)), ...(own.length > 0 ? [path] : [])]
  })
}
