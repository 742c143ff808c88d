/** Gets a Debian guest ready: finds its image in the cache, or makes it. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { PrepareContext } from '../../profile.ts'
import { withLock } from '../linux/lock.ts'
import { DISK, INITRD, KERNEL, makeImage } from './image.ts'
import { type DebianOptions, makeRecipe, recipeName } from './recipe.ts'

export interface Image {
  /** Disk with partitions, which boots by BIOS and by UEFI. Never to be written to. */
  readonly disk: string
  /** Its kernel and RAM disk, for a start without GRUB. */
  readonly kernel: string
  readonly initrd: string
}

/** Marks what a build that was killed left. */
const PARTIAL = '.partial'

/**
 * The image of these options. One process at a time makes images; the others find theirs when they get the lock.
 *
 * @throws BringupError DEBIAN_SIZE, DEBIAN_TOOL_MISSING, DEBIAN_BUILD_FAILED
 */
export async function prepareImage(
  options: DebianOptions,
  { cacheFolder, signal, progress }: Pick<PrepareContext, 'cacheFolder' | 'signal' | 'progress'>,
): Promise<Image> {
  const recipe = await makeRecipe(options, signal)
  const folder = join(cacheFolder, 'debian')
  const ready = join(folder, recipeName(recipe))
  if (!existsSync(ready))
    await withLock(join(folder, 'lock'), async () => {
      if (existsSync(ready)) return
      removeLeftovers(folder)
      progress(`making a Debian ${recipe.suite} image of ${recipe.packages.length} packages (once)`)
      const partial = `${ready}${PARTIAL}`
      mkdirSync(partial)
      try {
        await makeImage(partial, recipe, { agentFolder: join(cacheFolder, 'linux'), signal })
        renameSync(partial, ready)
      } finally {
        rmSync(partial, { recursive: true, force: true })
      }
    })
  return { disk: join(ready, DISK), kernel: join(ready, KERNEL), initrd: join(ready, INITRD) }
}

function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder))
    if (name.endsWith(PARTIAL)) rmSync(join(folder, name), { recursive: true, force: true })
}
