/** The kernel of a guest: one that the user gave, or this distribution's from its package, with its modules. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../../diagnostics.ts'
import { writeWhole } from '../../../own-files.ts'
import type { VersionChange } from '../../profile.ts'
import { extractVmlinux, readBzImage } from './kernel-image.ts'
import {
  kernelPackages,
  type PackageContext,
  type PackageFile,
  packageFiles,
  problems as packageProblems,
  unpack,
  unpackedPackages,
} from './packages.ts'
import { type Pin, pinFile, readPins, writePin } from './pins.ts'

export const problems = defineDiagnostics({
  LINUX_KERNEL_NOT_IN_PACKAGE: {
    title: 'The kernel package holds no kernel image.',
    why: 'the package has no /boot/vmlinuz-…',
    remedy: 'name the package of an image, such as linux-image-cloud-amd64 or linux-image-virtual',
  },
  LINUX_KERNEL_PIN_GONE: {
    title: 'The kernel version that is pinned is neither in the cache nor available from apt.',
    why: 'a run boots the version that was booted first; archives drop old versions',
    remedy: '`bringup update kernel` pins the newest version',
  },
})

export interface Kernel {
  /** What QEMU boots; undefined when the user gave it. */
  readonly image?: string
  readonly release: string
  /** Its modules; undefined when none were found. */
  readonly modulesFolder?: string
  /** The version, of a packaged one. */
  readonly pin?: Pin
}

/** A kernel that the user gave, and the first folder of modules that belongs to it. */
export function givenKernel(path: string, modulesFolder: string | undefined): Kernel {
  const release = existsSync(path) ? releaseOf(readFileSync(path)) : ''
  const besides = [
    join(dirname(path), 'lib/modules', release),
    join(dirname(path), '../lib/modules', release),
    join('/lib/modules', release),
  ]
  const found =
    modulesFolder ??
    (release === '' ? undefined : besides.find((folder) => existsSync(join(folder, 'kernel'))))
  return { release, ...(found === undefined ? {} : { modulesFolder: found }) }
}

function releaseOf(image: Buffer): string {
  const bzImage = readBzImage(image)
  if (bzImage) return bzImage.release
  const at = image.indexOf('Linux version ')
  return at === -1 ? '' : (/^Linux version (\S+)/.exec(image.toString('latin1', at, at + 200))?.[1] ?? '')
}

/** The first of these that apt knows is this distribution's kernel for virtual machines: small, and quick to boot. */
const DEFAULT_PACKAGES = [
  'linux-image-cloud-amd64',
  'linux-image-virtual',
  'linux-image-amd64',
  'linux-image-generic',
]

/** Those with 9p (shared folders) and drivers of old network cards, which the kernels for clouds lack. */
const FULL_PACKAGES = ['linux-image-amd64', 'linux-image-generic', 'linux-image-virtual']

/** What a kernel of the distribution must have. */
export interface KernelWish {
  /** Package by name; the choice is the user's then. */
  readonly kernelPackage: string | undefined
  /** It has drivers that the kernels for clouds lack. */
  readonly needsFullKernel: boolean
  /** UEFI firmware starts it: the bzImage as it is, which is an EFI program. */
  readonly isForUefi?: boolean
  /** The version; the newest without it. */
  readonly pin?: Pin | undefined
  readonly pinFolder: string
}

/** The distribution's kernel, ready to boot directly where that is possible. */
export async function packagedKernel(wanted: KernelWish, context: PackageContext): Promise<Kernel> {
  const { folders, pin } = await kernelFolders(wanted, context)
  const boot = folders.map((f) => join(f, 'boot')).find((f) => existsSync(f) && readdirSync(f).some(isImage))
  const file = boot && readdirSync(boot).find(isImage)
  if (boot === undefined || file === undefined) {
    throw new BringupError([
      problems.LINUX_KERNEL_NOT_IN_PACKAGE.at(
        '',
        `no vmlinuz in ${wanted.kernelPackage ?? folders.join(', ')}`,
      ),
    ])
  }
  const release = file.slice('vmlinuz-'.length)
  const modules = folders
    .flatMap((f) => [join(f, 'lib/modules', release), join(f, 'usr/lib/modules', release)])
    .find((f) => existsSync(join(f, 'kernel')))
  const bzImage = join(boot, file)
  const image = wanted.isForUefi === true ? bzImage : await directImage(bzImage, release, context)
  return { image, release, pin, ...(modules === undefined ? {} : { modulesFolder: modules }) }
}

const isImage = (name: string) => name.startsWith('vmlinuz-')

/** The pinned version if any, else the newest, which is pinned then. */
async function kernelFolders(
  wanted: KernelWish,
  context: PackageContext,
): Promise<{ readonly folders: readonly string[]; readonly pin: Pin }> {
  if (wanted.pin) return { folders: await pinnedFolders(wanted.pin, wanted, context), pin: wanted.pin }
  const files = await packageFiles(await defaultKernelPackages(wanted, context), context)
  await unpack(files, context)
  return { folders: files.map((file) => file.folder), pin: pinOf(files) }
}

export const pinKey = ({ kernelPackage, needsFullKernel }: Wanted): string =>
  kernelPackage ?? (needsFullKernel ? 'full' : 'default')

/** What a key stands for. */
const wantedBy = (key: string): Wanted => ({
  kernelPackage: key === 'default' || key === 'full' ? undefined : key,
  needsFullKernel: key === 'full',
})

type Wanted = Pick<KernelWish, 'kernelPackage' | 'needsFullKernel'>

const pinOf = (files: readonly PackageFile[]): Pin => ({
  packages: files.map(({ file }) => {
    const [name = '', version = ''] = file.split('_')
    return `${name}=${decodeURIComponent(version)}`
  }),
  folders: files.map(({ folder }) => basename(folder)),
})

/** apt runs only if the cache lacks the packages. */
async function pinnedFolders(
  { packages, folders }: Pin,
  { pinFolder }: KernelWish,
  context: PackageContext,
): Promise<readonly string[]> {
  const paths = folders.map((name) => join(context.folder, 'packages', name))
  if (paths.length > 0 && paths.every((path) => existsSync(path))) return paths
  try {
    return await unpackedPackages(packages, context)
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    const what = `${packages.join(', ')} is pinned in ${pinFile(pinFolder)}, and not in the cache`
    const evidence = error.diagnostics.flatMap((d) => [d.what, ...(d.evidence ?? [])])
    throw new BringupError([problems.LINUX_KERNEL_PIN_GONE.at('', what, { evidence })], { cause: error })
  }
}

/**
 * Pins the newest version that apt knows, for everything that was pinned before. Nothing is downloaded.
 *
 * @throws BringupError LINUX_NO_APT, LINUX_PACKAGE_UNKNOWN
 */
export async function updatePins(
  pinFolder: string,
  context: PackageContext,
): Promise<readonly VersionChange[]> {
  const changes: VersionChange[] = []
  for (const [key, before] of Object.entries(readPins(pinFolder))) {
    const files = await packageFiles(await defaultKernelPackages(wantedBy(key), context), context)
    const after = pinOf(files)
    const missing = files.filter(({ folder }) => !existsSync(folder))
    writePin(pinFolder, key, after)
    changes.push({
      what: `kernel (${key})`,
      from: before.packages.join(' '),
      to: after.packages.join(' '),
      bytes: missing.reduce((sum, { bytes }) => sum + bytes, 0),
    })
  }
  return changes
}

/** The packages of the kernel that is named, or of this distribution's. */
export function defaultKernelPackages(
  { kernelPackage, needsFullKernel }: Wanted,
  context: PackageContext,
): Promise<readonly string[]> {
  if (kernelPackage !== undefined) return firstKnown([kernelPackage], context)
  return firstKnown(needsFullKernel ? FULL_PACKAGES : DEFAULT_PACKAGES, context)
}

async function firstKnown(names: readonly string[], context: PackageContext): Promise<readonly string[]> {
  const [name = '', ...others] = names
  try {
    return await kernelPackages(name, context)
  } catch (error) {
    const isUnknown =
      error instanceof BringupError && error.code === packageProblems.LINUX_PACKAGE_UNKNOWN.code
    if (isUnknown && others.length > 0) return firstKnown(others, context)
    throw error
  }
}

async function directImage(bzImage: string, release: string, context: PackageContext): Promise<string> {
  const file = readFileSync(bzImage)
  const path = join(
    context.folder,
    'kernels',
    `${release}-${createHash('sha256').update(file).digest('hex').slice(0, 16)}.elf`,
  )
  if (existsSync(path)) return path
  context.progress(`unpacking the kernel ${release}`)
  const vmlinux = await extractVmlinux(file, context.signal)
  if (!vmlinux) return bzImage
  writeWhole(path, vmlinux)
  return path
}
