/** What `prepareLinux` would make, without making it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, type Diagnostic } from '../../../diagnostics.ts'
import type { Pending, PreviewContext } from '../../profile.ts'
import { defaultKernelPackages } from './kernel.ts'
import { wrongWithGiven } from './kernel-drivers.ts'
import { type PackageContext, type PackageFile, packageFiles } from './packages.ts'
import { packagesOfProgram } from './programs.ts'
import { packagesOfPvrdmaModule } from './pvrdma-module.ts'
import { packagesOfProviders } from './rdma-providers.ts'
import { type LinuxOptions, nameOfReady, type Ready, type Recipe, readReady, recipeOf } from './recipe.ts'
import { PVRDMA_MODULE } from './wanted.ts'

/** What is booted, made or not, and what is missing of it. */
export async function previewLinux(
  options: LinuxOptions,
  context: PreviewContext,
): Promise<Ready & { readonly pending: readonly Pending[]; readonly diagnostics: readonly Diagnostic[] }> {
  const recipe = recipeOf(options, context)
  const folder = join(context.cacheFolder, 'linux')
  const known = readReady(folder, nameOfReady(recipe))
  if (known && (recipe.pin || !known.pin)) return { ...known, pending: [], diagnostics: [] }
  if (known)
    return {
      ...known,
      pending: [{ what: 'the version of the kernel, written down' }],
      diagnostics: [],
    }
  const [kernel, initrd] = [join(folder, 'kernels', 'new.elf'), join(folder, 'images', 'new.cpio')]
  const means = { folder, signal: context.signal, progress: context.progress }
  const packages = context.wantsSizes ? await missingFiles(recipe, means) : []
  return {
    initrd,
    ...(recipe.given === undefined ? { kernel } : {}),
    diagnostics: await wrongWithGiven(recipe, context.signal),
    pending: [
      ...packages.map(({ file, bytes }) => ({ what: `the package ${file}`, bytes })),
      { what: 'the initial RAM disk of the Linux guest', path: initrd },
      ...(recipe.given === undefined
        ? [{ what: 'the kernel, unpacked from its package', path: kernel }]
        : []),
    ],
  }
}

/** Packages that are not in the cache yet. Where apt cannot say, `prepare` will. */
async function missingFiles(recipe: Recipe, context: PackageContext): Promise<readonly PackageFile[]> {
  const kernel =
    recipe.given === undefined
      ? await orNothing(async () => recipe.pin?.packages ?? defaultKernelPackages(recipe, context))
      : []
  const lists = [
    async () => kernel,
    ...(recipe.deviceModules.includes(PVRDMA_MODULE) ? [() => packagesOfPvrdmaModule(kernel, context)] : []),
    async () => ['busybox-static'],
    ...[...recipe.command, ...recipe.programs, ...recipe.useful].map(
      (program) => () => packagesOfProgram(program, context),
    ),
    () => packagesOfProviders(recipe.rdma, context),
  ]
  const names: string[] = []
  for (const list of lists) names.push(...(await orNothing(list)))
  const files = await orNothing(() => packageFiles([...new Set(names)], context))
  return files.filter(({ folder }) => !existsSync(folder))
}

async function orNothing<T>(list: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await list()
  } catch (error) {
    if (error instanceof BringupError) return []
    throw error
  }
}
