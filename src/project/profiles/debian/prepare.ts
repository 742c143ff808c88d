/** Gets a Debian guest ready: finds its image in the cache, or makes it. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { plural } from '../../../plural.ts'
import { withLock } from '../../../processes/file-lock.ts'
import type { Pending, PrepareContext } from '../../profile.ts'
import { DISK, INITRD, KERNEL, makeImage } from './image.ts'
import { type DebianOptions, makeRecipe, recipeName } from './recipe.ts'
import { requireTools } from './tools.ts'

export interface Image {
  /** Disk with partitions, which boots by BIOS and by UEFI. Never to be written to. */
  readonly disk: string
  /** Its kernel and RAM disk, for a start without GRUB. */
  readonly kernel: string
  readonly initrd: string
}

/** Marks what a build that was killed left. */
const PARTIAL = '.partial'

const UNUSED_DAYS = 30

/**
 * The image of these options. One process at a time makes images; the others find theirs when they get the lock.
 *
 * @throws BringupError DEBIAN_SIZE, DEBIAN_TOOL_MISSING, DEBIAN_BUILD_FAILED
 */
export async function prepareImage(
  options: DebianOptions,
  { cacheFolder, signal, progress }: Pick<PrepareContext, 'cacheFolder' | 'signal' | 'progress'>,
): Promise<Image> {
  const { recipe, folder, ready } = await placeOf(options, { cacheFolder, signal })
  const make = async () => {
    if (existsSync(ready)) return
    removeOld(folder)
    progress(`making a Debian ${recipe.suite} image of ${plural(recipe.packages.length, 'package')} (once)`)
    const partial = `${ready}${PARTIAL}`
    mkdirSync(partial)
    try {
      await makeImage(partial, recipe, { agentFolder: join(cacheFolder, 'linux'), signal })
      renameSync(partial, ready)
    } finally {
      rmSync(partial, { recursive: true, force: true })
    }
  }
  if (!existsSync(ready)) await withLock(join(folder, 'lock'), make, signal)
  markUsed(ready)
  return imageIn(ready)
}

/**
 * The image of these options, made or not.
 *
 * @throws BringupError DEBIAN_OPTION, DEBIAN_SIZE, DEBIAN_TOOL_MISSING
 */
export async function findImage(
  options: DebianOptions,
  context: Pick<PrepareContext, 'cacheFolder' | 'signal'>,
): Promise<Image & { readonly pending: readonly Pending[] }> {
  const { recipe, ready } = await placeOf(options, context)
  if (existsSync(ready)) {
    markUsed(ready)
    return { ...imageIn(ready), pending: [] }
  }
  requireTools()
  const what = `a Debian ${recipe.suite} image: ${plural(recipe.packages.length, 'package')} and what they depend on, some 170M to download`
  return { ...imageIn(ready), pending: [{ what, path: ready }] }
}

async function placeOf(
  options: DebianOptions,
  { cacheFolder, signal }: Pick<PrepareContext, 'cacheFolder' | 'signal'>,
) {
  const recipe = await makeRecipe(options, signal)
  const folder = join(cacheFolder, 'debian')
  return { recipe, folder, ready: join(folder, recipeName(recipe)) }
}

const imageIn = (folder: string): Image => ({
  disk: join(folder, DISK),
  kernel: join(folder, KERNEL),
  initrd: join(folder, INITRD),
})

/** A cache that may only be read keeps its images as they are. */
function markUsed(image: string): void {
  try {
    utimesSync(image, new Date(), new Date())
  } catch {}
}

/** What killed builds left, and images that were not used for long: each new recipe would else add one forever. */
function removeOld(folder: string): void {
  const limit = Date.now() - UNUSED_DAYS * 24 * 60 * 60 * 1000
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    const isOld = entry.name.endsWith(PARTIAL) || statSync(path).mtimeMs < limit
    if (entry.isDirectory() && isOld) rmSync(path, { recursive: true, force: true })
  }
}
