/** Brings the loader, libc and every library of a QEMU along, for a system whose own are missing or too old. */
import { chmodSync, copyFileSync, existsSync, readdirSync, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import { makeFolder } from '../../own-files.ts'
import type { ToolContext } from '../run-tool.ts'
import { BY_NAME, librariesOf, libraryFolders } from './libraries.ts'

/** Named as QEMU is, because the kernel shows the loader's name as that of the process. */
const LOADER = 'loader/qemu-system-x86_64'
const LIBRARIES = 'lib'

export interface BroughtLibraries {
  /** Words before the program. */
  readonly loader: readonly string[]
  /** What not even the packages have. */
  readonly missing: readonly string[]
}

/**
 * @param root Where all packages of the closure are unpacked
 * @param home The folder of the QEMU: its libraries come to lie in `lib`
 */
export async function bringLibraries(
  { root, home, interpreter }: { readonly root: string; readonly home: string; readonly interpreter: string },
  programs: readonly string[],
  context: ToolContext,
): Promise<BroughtLibraries> {
  const searched = libraryFolders(root)
  const loader = loaderIn(searched, basename(interpreter))
  if (loader === undefined) return { loader: [], missing: [interpreter] }
  makeFolder(join(home, 'loader'))
  makeFolder(join(home, LIBRARIES))
  copyFileSync(loader, join(home, LOADER))
  chmodSync(join(home, LOADER), 0o755)
  const missing: string[] = []
  const files = new Map<string, string>()
  for (const [index, program] of programs.entries()) {
    const list = await librariesOf(program, { loader, searched }, context)
    // The first is the emulator; modules whose libraries are missing are not loaded.
    if (index === 0) missing.push(...list.missing)
    for (const [name, path] of list.found) files.set(name, path)
  }
  for (const name of BY_NAME) {
    const path = searched.map((folder) => join(folder, name)).find(existsSync)
    if (path !== undefined) files.set(name, path)
  }
  const strangers = [...files].filter(([, path]) => !path.startsWith(root))
  for (const [name, path] of files)
    if (path.startsWith(root)) copyFileSync(realpathSync(path), join(home, LIBRARIES, basename(name)))
  return {
    loader: [`{folder}/${LOADER}`, '--library-path', `{folder}/${LIBRARIES}`],
    missing: [...missing, ...strangers.map(([name]) => name).filter((name) => !name.startsWith('/'))],
  }
}

/** The loader's own file: its well-known name may be an absolute link, which would lead to the system's. */
function loaderIn(folders: readonly string[], name: string): string | undefined {
  for (const folder of folders) {
    const own = readdirSync(folder).filter((file) => /^ld-(linux.*|\d[\d.]*)\.so(\.\d)?$/.test(file))
    // The versioned file of older packages comes first: the other one is a link to it.
    const file = own.find((file) => /^ld-\d/.test(file)) ?? own.find((file) => file === name)
    if (file !== undefined) return join(folder, file)
  }
  return undefined
}
