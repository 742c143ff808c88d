/** Programs that tests run on this computer: installed ones, else from packages that are unpacked in the cache. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../src/host/tools.ts'
import { cacheFolder } from '../../src/project/cache-folder.ts'
import {
  missingPackages,
  type PackageContext,
  unpackedPackages,
} from '../../src/project/profiles/linux/packages.ts'

export interface AptProgram {
  readonly path: string
  /** Where its libraries are, as variables of its environment. */
  readonly env: Readonly<Record<string, string>>
}

export const packageContext = (): PackageContext => ({
  folder: join(cacheFolder(), 'linux'),
  signal: new AbortController().signal,
  progress: () => {},
})

/** @param packageName of Debian; default: the name of the program */
export async function aptProgram(name: string, packageName = name): Promise<AptProgram> {
  const installed = findProgram(name)
  if (installed !== undefined) return { path: installed, env: {} }
  const context = packageContext()
  const missing = await missingPackages(packageName, context)
  const folders = await unpackedPackages(missing ?? [], context)
  const path = folders
    .flatMap((folder) => ['usr/bin', 'usr/sbin', 'bin', 'sbin'].map((place) => join(folder, place, name)))
    .find((candidate) => existsSync(candidate))
  if (path === undefined) throw new Error(`no package "${packageName}" with a program "${name}"`)
  const libraries = folders.flatMap((folder) =>
    ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((place) => join(folder, place)),
  )
  return { path, env: { LD_LIBRARY_PATH: libraries.filter((one) => existsSync(one)).join(':') } }
}
