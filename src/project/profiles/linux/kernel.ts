/** The kernel of a guest: one that the user gave, or this distribution's from its package, with its modules. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../../diagnostics.ts'
import { writeWhole } from '../../../own-files.ts'
import { keep, readKept } from '../../../qemu/cache.ts'
import { extractVmlinux, readBzImage } from './kernel-image.ts'
import {
  kernelPackages,
  type PackageContext,
  problems as packageProblems,
  unpackedPackages,
} from './packages.ts'

export const problems = defineDiagnostics({
  LINUX_KERNEL_NOT_IN_PACKAGE: {
    title: 'The kernel package holds no kernel image.',
    why: 'the package has no /boot/vmlinuz-…',
    remedy: 'name the package of an image, such as linux-image-cloud-amd64 or linux-image-virtual',
  },
})

export interface Kernel {
  /** What QEMU boots; undefined when the user gave it. */
  readonly image?: string
  readonly release: string
  /** Its modules; undefined when none were found. */
  readonly modulesFolder?: string
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
}

/** The distribution's kernel, ready to boot directly where that is possible. */
export async function packagedKernel(wanted: KernelWish, context: PackageContext): Promise<Kernel> {
  const folders = await kernelFolders(wanted, context)
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
  const image = await directImage(join(boot, file), release, context)
  return { image, release, ...(modules === undefined ? {} : { modulesFolder: modules }) }
}

const isImage = (name: string) => name.startsWith('vmlinuz-')

/** Without a network, or with lists that name a version no longer there, the kernel of the last time serves. */
async function kernelFolders(wanted: KernelWish, context: PackageContext): Promise<readonly string[]> {
  const name = `last-kernel-${wanted.kernelPackage ?? (wanted.needsFullKernel ? 'full' : 'default')}`
  try {
    const folders = await unpackedPackages(await defaultKernelPackages(wanted, context), context)
    keep(context.folder, name, folders)
    return folders
  } catch (error) {
    const last = readKept<readonly string[]>(context.folder, name)
    if (!(error instanceof BringupError) || !last?.every((folder) => existsSync(folder))) throw error
    context.progress(`using the kernel of the last time: ${error.message.split('\n')[0]}`)
    return last
  }
}

/** The packages of the kernel that is named, or of this distribution's. */
export function defaultKernelPackages(
  { kernelPackage, needsFullKernel }: KernelWish,
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
