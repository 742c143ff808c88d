/**
 * The driver of para-virtual RDMA for a kernel of the distribution that lacks it, as Debian's do
 * (`# CONFIG_INFINIBAND_VMWARE_PVRDMA is not set`): built of the distribution's own source, once for each kernel.
 */
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../../diagnostics.ts'
import { makeFolder } from '../../../own-files.ts'
import { fill } from '../../../processes/fill.ts'
import type { Kernel } from './kernel.ts'
import type { Module } from './modules.ts'
import { headerPackages, type PackageContext, unpackedPackages } from './packages.ts'
import { PVRDMA_MODULE } from './wanted.ts'

export const problems = defineDiagnostics({
  LINUX_DRIVER_BUILD_FAILED: {
    title: 'The driver of para-virtual RDMA could not be built for the kernel of a guest.',
    why: 'the kernel lacks the driver vmw_pvrdma; bringup builds it from the kernel’s source with make and gcc',
    remedy:
      'install make, gcc and xz-utils, and read the lines below; or give a kernel with CONFIG_INFINIBAND_VMWARE_PVRDMA',
  },
})

const SOURCE = 'drivers/infiniband/hw/vmw_pvrdma'
const LINES = 20

/**
 * The driver, built unless it is in the cache.
 *
 * @throws BringupError LINUX_DRIVER_BUILD_FAILED, and those of packages
 */
export async function builtPvrdmaModule(
  { release }: Pick<Kernel, 'release'>,
  context: PackageContext,
): Promise<Module> {
  const packages = await sourcePackages(release, context)
  const version = versionOf(release)
  const folder = folderFor(release, context)
  const file = join(folder, `${PVRDMA_MODULE}.ko`)
  if (!existsSync(file)) {
    const roots = await unpackedPackages(packages, context)
    context.progress(`building the driver ${PVRDMA_MODULE} for kernel ${release}`)
    await fill({
      path: folder,
      signal: context.signal,
      make: (partial, environment) =>
        build({ partial, roots, release, version }, environment, context.signal),
    })
  }
  return {
    name: PVRDMA_MODULE,
    path: `updates/${PVRDMA_MODULE}.ko`,
    content: readFileSync(file),
  }
}

/**
 * What the driver is built of; none where it is built, and for kernels whose packages may have it. Debian's lack it.
 *
 * @param kernel packages of the kernel
 */
export async function packagesOfPvrdmaModule(
  kernel: readonly string[],
  context: PackageContext,
): Promise<readonly string[]> {
  const release = kernel.map((name) => /^linux-image-(\d[^=]*-amd64)(=|$)/.exec(name)?.[1]).find(Boolean)
  if (release === undefined || existsSync(folderFor(release, context))) return []
  return sourcePackages(release, context)
}

const sourcePackages = async (release: string, context: PackageContext): Promise<readonly string[]> => [
  ...(await headerPackages(release, context)),
  `linux-source-${versionOf(release)}`,
]

const versionOf = (release: string) => /^\d+\.\d+/.exec(release)?.[0] ?? ''

const folderFor = (release: string, { folder }: Pick<PackageContext, 'folder'>) =>
  join(folder, 'drivers', `${PVRDMA_MODULE}-${release}`)

interface Build {
  /** Folder that becomes the result. */
  readonly partial: string
  readonly roots: readonly string[]
  readonly release: string
  readonly version: string
}

async function build(
  { partial, roots, release, version }: Build,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const work = join(partial, 'work')
  const headers = placeHeaders(work, roots, release)
  const archive = findIn(roots, `usr/src/linux-source-${version}.tar.xz`)
  const source = `linux-source-${version}`
  const step = async (argv: readonly string[], cwd: string) => {
    const [program = '', ...args] = argv
    const { execa } = await import('execa')
    const result = await execa(program, args, {
      cwd,
      env: { LC_ALL: 'C', ...environment },
      reject: false,
      cancelSignal: signal,
      all: true,
    })
    signal.throwIfAborted()
    if (!result.failed) return
    const what = `${argv.slice(0, 2).join(' ')} for ${PVRDMA_MODULE} of kernel ${release} failed`
    const evidence = (result.all ?? result.message).split('\n').slice(-LINES)
    throw new BringupError([problems.LINUX_DRIVER_BUILD_FAILED.at('', what, { evidence })])
  }
  await step(['tar', '--extract', '--file', archive, '--directory', work, `${source}/${SOURCE}`], work)
  const driver = join(work, source, SOURCE)
  await step(['make', '-C', headers, `M=${driver}`, 'CONFIG_INFINIBAND_VMWARE_PVRDMA=m', 'modules'], driver)
  // 5 MB of debug information would be part of every guest.
  await step(['strip', '--strip-debug', `${PVRDMA_MODULE}.ko`], driver)
  cpSync(join(driver, `${PVRDMA_MODULE}.ko`), join(partial, `${PVRDMA_MODULE}.ko`))
  rmSync(work, { recursive: true, force: true })
}

/** Packages lie in folders of their own: brought together, so that the links between them lead where they should. */
function placeHeaders(work: string, roots: readonly string[], release: string): string {
  const sources = join(work, 'usr/src')
  const libraries = join(work, 'usr/lib')
  for (const folder of [sources, libraries]) makeFolder(folder)
  const headers = join(sources, `linux-headers-${release}`)
  for (const root of roots) {
    for (const name of namesIn(join(root, 'usr/src'))) {
      if (!name.startsWith('linux-headers-')) continue
      if (name === `linux-headers-${release}`)
        cpSync(join(root, 'usr/src', name), headers, { recursive: true, verbatimSymlinks: true })
      else linkContent(join(root, 'usr/src', name), join(sources, name))
    }
    for (const name of namesIn(join(root, 'usr/lib')))
      if (name.startsWith('linux-kbuild-')) symlinkSync(join(root, 'usr/lib', name), join(libraries, name))
  }
  // `include /usr/src/linux-headers-…-common/Makefile`
  const makefile = join(headers, 'Makefile')
  writeFileSync(makefile, readFileSync(makefile, 'utf8').replaceAll('/usr/src/', `${sources}/`))
  return headers
}

/** A folder of links. Links that are in it lead to a neighbour of the folder, and stay as they are. */
function linkContent(from: string, to: string): void {
  makeFolder(to)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const path = join(from, entry.name)
    symlinkSync(entry.isSymbolicLink() ? readlinkSync(path) : path, join(to, entry.name))
  }
}

function findIn(roots: readonly string[], path: string): string {
  return roots.map((root) => join(root, path)).find((one) => existsSync(one)) ?? path
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}
