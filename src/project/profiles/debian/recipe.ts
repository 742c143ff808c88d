/** What an image is made of, as plain data: its name in the cache is the hash of this. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { BringupError, defineDiagnostics } from '../../../diagnostics.ts'
import { PACKAGE_FOLDER } from '../../../package-folder.ts'
import { formatBytes, GiB, MiB, parseBytes } from '../../../units.ts'
import { agentIdentity } from '../linux/agent-build.ts'
import { CLOUD_KERNEL } from './cloud-kernel.ts'
import { ownSuite, readSources, type Sources } from './sources.ts'

export interface DebianOptions {
  /** Release, such as `bookworm`. Default: this computer's own if it is Debian, else `bookworm`. */
  readonly suite?: string
  /** Packages beyond the smallest system that boots. */
  readonly packages?: readonly string[]
  /** Size of the root file system. Default: `2G`. The image is sparse: unused space costs nothing. */
  readonly size?: string | number
  /** Package of the kernel. Default: `linux-image-cloud-amd64`, which is made for virtual machines. */
  readonly kernelPackage?: string
  /** Base URI of the archive. Default: this computer's own sources if it has the suite, else deb.debian.org. */
  readonly mirror?: string
}

/** Everything that the image depends on. */
export interface Recipe {
  readonly suite: string
  readonly packages: readonly string[]
  readonly rootBytes: number
  readonly sources: Sources
  /** Hash of the files that are put into every image, and of the agent. */
  readonly content: string
}

const OWN_FOLDER = join(PACKAGE_FOLDER, 'src/project/profiles/debian')
/** Files of every image, by their paths in it. */
export const FILES_FOLDER = join(OWN_FOLDER, 'files')
/** Hook of mmdebstrap. */
export const CUSTOMIZE = join(OWN_FOLDER, 'customize.sh')

/** The smallest system has some 350 MiB. */
const SMALLEST = 512 * MiB

export const problems = defineDiagnostics({
  DEBIAN_OPTION: {
    title: 'An option of debianProfile has an invalid value.',
    why: 'apt receives suite, packages and mirror, and would misread the value',
    remedy: 'write names as in the archive, and the mirror as a complete URI',
  },
  DEBIAN_SIZE: {
    title: 'The size of a Debian image is malformed or too small.',
    why: 'the root file system must hold a minimal system',
    remedy: 'write a size of 512M or more, such as "2G"; unused space costs nothing',
  },
})

/** Raised when the same recipe is to give another image. */
const FORM = 2

const BASE_PACKAGES = [
  ...['systemd-sysv', 'udev', 'dbus', 'kmod', 'procps', 'iproute2', 'e2fsprogs', 'initramfs-tools', 'zstd'],
  // Both kinds of firmware boot the same image, as they do Debian's own cloud images.
  ...['grub2-common', 'grub-pc-bin', 'grub-efi-amd64-bin'],
  ...['ca-certificates', 'netbase'],
]

const zPackage = z.string().regex(/^[a-z0-9][a-z0-9.+-]*(:[a-z0-9]+)?([=/][A-Za-z0-9.+:~-]+)?$/)

/** Names as dpkg and the archive have them (Debian policy 5.6.1); an `=version` or `/suite` may follow a package. */
const optionSchema = z.strictObject({
  suite: z
    .string()
    .regex(/^[a-z][a-z0-9.-]*$/)
    .optional(),
  packages: z.array(zPackage).readonly().optional(),
  size: z.union([z.string(), z.number()]).optional(),
  kernelPackage: zPackage.optional(),
  mirror: z.url().optional(),
})

/** @throws BringupError DEBIAN_OPTION, DEBIAN_SIZE */
export async function makeRecipe(options: DebianOptions, signal: AbortSignal): Promise<Recipe> {
  checkOptions(options)
  const suite = options.suite ?? ownSuite() ?? 'bookworm'
  const kernel = options.kernelPackage ?? CLOUD_KERNEL
  return {
    suite,
    packages: [...new Set([kernel, ...BASE_PACKAGES, ...(options.packages ?? [])])],
    rootBytes: sizeOf(options.size ?? 2 * GiB),
    sources: await readSources(suite, options.mirror, signal),
    content: contentIdentity(),
  }
}

/** Name of the image in the cache. */
export function recipeName(recipe: Recipe): string {
  const all = JSON.stringify([FORM, { ...recipe, packages: recipe.packages.toSorted() }])
  return `${recipe.suite}-${createHash('sha256').update(all).digest('hex').slice(0, 16)}`
}

function checkOptions(options: DebianOptions): void {
  const { error } = optionSchema.safeParse(options)
  if (error)
    throw new BringupError(
      error.issues.map(({ path, message }) => problems.DEBIAN_OPTION.at(path.join('.'), message)),
    )
}

function sizeOf(size: string | number): number {
  const bytes = typeof size === 'number' ? size : parseBytes(size)
  if (bytes !== undefined && bytes >= SMALLEST) return Math.ceil(bytes / MiB) * MiB
  const what = bytes === undefined ? `"${size}" is not a size` : `${formatBytes(bytes)} is too small`
  throw new BringupError([problems.DEBIAN_SIZE.at('size', what)])
}

function contentIdentity(): string {
  const hash = createHash('sha256').update(agentIdentity()).update(readFileSync(CUSTOMIZE))
  for (const path of readdirSync(FILES_FOLDER, { recursive: true, encoding: 'utf8' }).sort()) {
    const file = join(FILES_FOLDER, path)
    if (statSync(file).isFile()) hash.update(`\0${path}\0`).update(readFileSync(file))
  }
  return hash.digest('hex').slice(0, 24)
}
