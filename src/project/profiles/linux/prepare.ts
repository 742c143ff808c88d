/** Gets a Linux guest ready: kernel, initramfs, command line. A run that changes nothing reads one small file. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError } from '../../../diagnostics.ts'
import { writeWhole } from '../../../own-files.ts'
import { withLock } from '../../../processes/file-lock.ts'
import { keep } from '../../../qemu/cache.ts'
import type { Entry } from '../../images/cpio.ts'
import type { PrepareContext } from '../../profile.ts'
import { buildAgent } from './agent-build.ts'
import { initramfs } from './initramfs.ts'
import { givenKernel, packagedKernel, pinKey } from './kernel.ts'
import { builtModules, lacksFolders, modulesOf } from './kernel-drivers.ts'
import type { PackageContext } from './packages.ts'
import { writePin } from './pins.ts'
import { busyboxEntries, programEntries } from './programs.ts'
import { type LinuxOptions, nameOfReady, type Ready, type Recipe, readReady, recipeOf } from './recipe.ts'
import { terminfoEntries } from './terminal.ts'

export async function prepareLinux(options: LinuxOptions, context: PrepareContext): Promise<Ready> {
  const recipe = recipeOf(options, context)
  const folder = join(context.cacheFolder, 'linux')
  const name = nameOfReady(recipe)
  /** What is found under another name from now on, since its version is pinned. */
  const pinned = (ready: Ready): Ready => {
    if (!ready.pin || recipe.pin) return ready
    writePin(context.pinFolder, pinKey(recipe), ready.pin)
    keep(folder, nameOfReady({ ...recipe, pin: ready.pin }), ready)
    return ready
  }
  const known = readReady(folder, name)
  if (known) return pinned(known)
  const fill = async () => {
    const byAnother = readReady(folder, name)
    if (byAnother) return pinned(byAnother)
    const { pinFolder } = context
    const ready = await make(
      recipe,
      { pinFolder },
      { folder, signal: context.signal, progress: context.progress },
    )
    keep(folder, name, ready)
    return pinned(ready)
  }
  return withLock(join(folder, 'lock'), fill, context.signal)
}

async function make(
  recipe: Recipe,
  where: { readonly pinFolder: string },
  context: PackageContext,
): Promise<Ready> {
  const kernel =
    recipe.given === undefined
      ? await packagedKernel({ ...recipe, ...where }, context)
      : givenKernel(recipe.given, recipe.modulesFolder)
  const modules = [
    ...(await modulesOf(kernel, recipe, context.signal)),
    ...(await builtModules(kernel, recipe, context)),
  ]
  const busybox = await busyboxEntries(context)
  const applets = new Set(busybox.map((entry) => entry.path.slice(entry.path.lastIndexOf('/') + 1)))
  const image = initramfs({
    agent: await buildAgent(context.folder, context.signal),
    busybox,
    modules,
    release: kernel.release,
    waitFor: recipe.waitFor,
    hasCard: recipe.hasCard,
    programs: [
      ...terminfoEntries(recipe.terminfo),
      ...(await usefulEntries(unnamed(recipe), context, recipe.rdma)),
      ...(await programEntries(
        [...recipe.command.filter((name) => !applets.has(name)), ...recipe.programs],
        context,
        { applets, rdma: recipe.rdma },
      )),
    ],
  })
  const initrd = join(
    context.folder,
    'images',
    `${createHash('sha256').update(image).digest('hex').slice(0, 32)}.cpio`,
  )
  if (!existsSync(initrd)) writeWhole(initrd, image)
  return {
    initrd,
    release: kernel.release,
    ...(kernel.image === undefined ? {} : { kernel: kernel.image }),
    ...(kernel.pin ? { pin: kernel.pin } : {}),
    ...((await lacksFolders(kernel, recipe, context.signal)) ? { lacksFolders: true } : {}),
  }
}

/** What is useful and not wanted by name. */
const unnamed = ({ useful, command, programs }: Recipe): readonly string[] =>
  useful.filter((name) => !command.includes(name) && !programs.includes(name))

/** Tools that the user did not name: a guest without them is still right. */
async function usefulEntries(
  names: readonly string[],
  context: PackageContext,
  rdma: readonly string[],
): Promise<readonly Entry[]> {
  try {
    return await programEntries(names, context, { rdma })
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    context.progress(`the guest goes without ${names.join(', ')}: ${error.message.split('\n')[0]}`)
    return []
  }
}
