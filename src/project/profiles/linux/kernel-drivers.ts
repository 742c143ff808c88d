/** Drivers of a Linux guest: modules that are loaded, and what is wrong where a kernel has neither module nor driver. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../../../diagnostics.ts'
import { givenKernel, type Kernel } from './kernel.ts'
import { driversNotBuiltIn } from './kernel-image.ts'
import { type Module, ModuleFolder } from './modules.ts'
import type { PackageContext } from './packages.ts'
import { builtPvrdmaModule } from './pvrdma-module.ts'
import { wrongWithRdma } from './rdma-drivers.ts'
import type { Recipe } from './recipe.ts'
import { CHANNEL_MODULES, PVRDMA_MODULE } from './wanted.ts'

export const problems = defineDiagnostics({
  LINUX_MODULE_MISSING: {
    title: 'The kernel has no module of that name.',
    why: 'it is neither in the kernel’s folder of modules nor built into the kernel',
    remedy: 'check the name, or use a kernel that has it, such as kernelPackage: "linux-image-amd64"',
  },
  LINUX_CHANNEL_DRIVER_MISSING: {
    title: 'The kernel lacks a driver for the command channel of the guest.',
    why: 'commands reach the guest over a virtio console; without it the guest would wait until the time-out',
    remedy:
      'give the modules of this kernel, or build it with CONFIG_VIRTIO_PCI=y and CONFIG_VIRTIO_CONSOLE=y',
  },
})

const FOLDER_DRIVER = '9pnet_virtio'

/** False where that cannot be found out. */
export async function lacksFolders(kernel: Kernel, recipe: Recipe, signal: AbortSignal): Promise<boolean> {
  if (!recipe.deviceModules.includes(FOLDER_DRIVER)) return false
  const { modulesFolder, image = recipe.given } = kernel
  if (modulesFolder !== undefined && new ModuleFolder(modulesFolder).missing([FOLDER_DRIVER]).length === 0)
    return false
  if (image === undefined || !existsSync(image)) return false
  return (await driversNotBuiltIn(readFileSync(image), [FOLDER_DRIVER], signal))?.length === 1
}

/** A kernel may have a device's driver built in, or lack it; what the user named must be there. */
export async function modulesOf(
  kernel: Kernel,
  recipe: Recipe,
  signal: AbortSignal,
): Promise<readonly Module[]> {
  const { modulesFolder } = kernel
  const { modules, missing } =
    modulesFolder === undefined
      ? { modules: [], missing: [...CHANNEL_MODULES, ...recipe.rdmaDrivers] }
      : await new ModuleFolder(modulesFolder).inLoadOrder([...recipe.deviceModules, ...recipe.modules])
  const wrong = await wrongWith(kernel, recipe, missing, signal)
  if (wrong.length > 0) throw new BringupError(wrong)
  return modules
}

/** Drivers that a kernel of the distribution lacks, and that are built for it. They depend on those that are loaded before. */
export async function builtModules(
  { pin, modulesFolder, release }: Kernel,
  { deviceModules }: Recipe,
  context: PackageContext,
): Promise<readonly Module[]> {
  if (!pin || modulesFolder === undefined || !deviceModules.includes(PVRDMA_MODULE)) return []
  const isLacking = new ModuleFolder(modulesFolder).missing([PVRDMA_MODULE]).length > 0
  return isLacking ? [await builtPvrdmaModule({ release }, context)] : []
}

/** What `make` would refuse of a kernel that the user gave. */
export async function wrongWithGiven(recipe: Recipe, signal: AbortSignal): Promise<readonly Diagnostic[]> {
  if (recipe.given === undefined || !existsSync(recipe.given)) return []
  const kernel = givenKernel(recipe.given, recipe.modulesFolder)
  const missing =
    kernel.modulesFolder === undefined
      ? [...CHANNEL_MODULES, ...recipe.rdmaDrivers]
      : new ModuleFolder(kernel.modulesFolder).missing([...recipe.deviceModules, ...recipe.modules])
  return wrongWith(kernel, recipe, missing, signal)
}

/**
 * Modules that the user named and the kernel lacks, and drivers of the command channel: without them a guest would wait
 * until the time-out.
 *
 * @param missing names that no module was found for
 */
async function wrongWith(
  kernel: Kernel,
  recipe: Recipe,
  missing: readonly string[],
  signal: AbortSignal,
): Promise<readonly Diagnostic[]> {
  const named =
    kernel.modulesFolder === undefined
      ? []
      : missing.filter((name) => recipe.modules.some((m) => m.replaceAll('-', '_') === name))
  const withoutModule = CHANNEL_MODULES.filter((name) => missing.includes(name))
  return [
    ...named.map((name) =>
      problems.LINUX_MODULE_MISSING.at('', `kernel ${kernel.release} has no module "${name}"`),
    ),
    ...(await withoutChannel(kernel, recipe, withoutModule, signal)),
    ...(await wrongWithRdma(kernel, recipe, missing, signal)),
  ]
}

async function withoutChannel(
  { release, modulesFolder }: Kernel,
  { given }: Recipe,
  withoutModule: readonly string[],
  signal: AbortSignal,
): Promise<readonly Diagnostic[]> {
  if (given === undefined || withoutModule.length === 0 || !existsSync(given)) return []
  const absent = await driversNotBuiltIn(readFileSync(given), withoutModule, signal)
  if (absent === undefined || absent.length === 0) return []
  const from = modulesFolder ?? `lib/modules/${release} beside the kernel, nor in /lib/modules/${release}`
  const what = `kernel ${given} (${release}) has no ${absent.join(' and no ')}: not built in, and no module in ${from}`
  const remedy =
    `copy the modules of this kernel to ${join(dirname(given), 'lib/modules', release)}, ` +
    `install its package (Debian, Ubuntu: \`sudo apt-get install linux-image-${release}\`), set \`modulesFolder\` of linuxProfile(), ` +
    'or build the kernel with CONFIG_VIRTIO_PCI=y and CONFIG_VIRTIO_CONSOLE=y'
  return [problems.LINUX_CHANNEL_DRIVER_MISSING.at('boot.kernel', what, { remedy })]
}
