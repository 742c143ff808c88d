/**
 * libibverbs opens a library of its own for each kind of RDMA device, by a name that no ELF file declares. Without it
 * `ibv_devices` lists nothing and returns 0.
 */
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Entry } from '../../images/cpio.ts'
import { locate, type NeededFile, withLibraries } from './libraries.ts'
import { missingPackages, type PackageContext, unpackedPackages } from './packages.ts'

const LIBRARY = /^libibverbs\.so\.\d+$/
export const PROVIDERS_PACKAGE = 'ibverbs-providers'

export interface Providers {
  readonly entries: readonly Entry[]
  /** Names of libraries that were found nowhere. */
  readonly missing: readonly string[]
}

/**
 * Finds what libibverbs opens for these devices. The package is fetched once where the providers are nowhere else.
 *
 * @param devices names of providers: `rxe`
 * @returns given the files of a program and its libraries, and the folders that hold a file system each, in the order in
 *   which they are searched
 */
export function rdmaProviders(
  devices: readonly string[],
  context: PackageContext,
): (files: readonly NeededFile[], roots: readonly string[]) => Promise<Providers> {
  let fetched: Promise<readonly string[]> | undefined
  return async (files, roots) => {
    const library = files.find(({ to }) => LIBRARY.test(basename(to)))
    if (!library || devices.length === 0) return { entries: [], missing: [] }
    const paths = providerPaths(readFileSync(library.from), devices)
    const isHere = paths.every((path) => locate(path, { roots }) !== undefined)
    if (!isHere) fetched ??= fromPackage(context)
    return providersIn([...roots, ...(isHere ? [] : ((await fetched) ?? []))], paths, devices)
  }
}

function providersIn(
  all: readonly string[],
  paths: readonly string[],
  devices: readonly string[],
): Providers {
  const found = paths.flatMap((path) => locate(path, { roots: all }) ?? [])
  return {
    entries: [
      ...found.flatMap((file) => withLibraries(file, { roots: all }).files).map(entryOf),
      ...devices.map((device): Entry => driverFile(device)),
    ],
    missing: paths.filter((path) => !found.some(({ to }) => to === path)).map((path) => basename(path)),
  }
}

/** Packages to fetch for the providers; none where this computer has them. */
export async function packagesOfProviders(
  devices: readonly string[],
  context: PackageContext,
): Promise<readonly string[]> {
  const library = locate('/usr/lib/x86_64-linux-gnu/libibverbs.so.1', { roots: ['/'] })
  const paths = library ? providerPaths(readFileSync(library.from), devices) : []
  const isHere = devices.length === 0 || (paths.length > 0 && paths.every((path) => existsSync(path)))
  return isHere ? [] : ((await missingPackages(PROVIDERS_PACKAGE, context)) ?? [])
}

async function fromPackage(context: PackageContext): Promise<readonly string[]> {
  const packages = await missingPackages(PROVIDERS_PACKAGE, context)
  return packages ? unpackedPackages(packages, context) : []
}

/** The library has the place and the number of its private interface in a format: `…/libibverbs/lib%s-rdmav34.so`. */
export function providerPaths(library: Buffer, devices: readonly string[]): readonly string[] {
  const [format] = /\/[\x21-\x7e]+\/lib%s-rdmav\d+\.so/.exec(library.toString('latin1')) ?? []
  return format === undefined ? [] : devices.map((device) => format.replace('%s', device))
}

/** Which provider a kind of device has; `ibverbs-providers` ships the same line. */
const driverFile = (device: string): Entry => ({
  kind: 'file',
  path: join('etc/libibverbs.d', `${device}.driver`),
  mode: 0o644,
  content: Buffer.from(`driver ${device}\n`),
})

const entryOf = ({ from, to }: NeededFile): Entry => ({
  kind: 'file',
  path: to,
  mode: 0o755,
  content: readFileSync(from),
})
