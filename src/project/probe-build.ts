/** Builds the bundled kernel with the system's C compiler, once per content of its sources and compiler. */
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { makeFolder } from '../own-files.ts'
import { PACKAGE_FOLDER } from '../package-folder.ts'
import { fill } from '../processes/fill.ts'
import { keep, nameOf, readKept } from '../qemu/cache.ts'
import { readOnce } from '../read-once.ts'

export const problems = defineDiagnostics({
  COMPILER_MISSING: {
    title: 'No C compiler for the bundled kernel was found.',
    why: 'the probe kernel is written in C and assembly, and is compiled on this computer',
    remedy: 'Debian, Ubuntu: apt install gcc binutils; or set CC to a gcc or clang',
  },
  PROBE_BUILD_FAILED: {
    title: 'The bundled kernel did not compile.',
    why: 'the probe profile and the test of accelerators need it',
    remedy: 'try another compiler by CC=…; the compiler’s output is below',
  },
})

/** Paths of the two images: the same kernel, booted by different protocols. */
export interface ProbeKernel {
  readonly pvh: string
  readonly multiboot: string
  /** Folder for an EFI system partition that boots it. */
  readonly esp: string
}

interface Recipe {
  readonly cflags: readonly string[]
  readonly sources: readonly string[]
  readonly outputs: readonly {
    readonly file: string
    readonly ldflags: readonly string[]
    readonly objcopy?: readonly string[]
  }[]
}

const SOURCE_FOLDER = join(PACKAGE_FOLDER, 'kernels/probe')

/** Where the built kernel lies, and whether it is there. */
export function findProbe(cacheFolder: string): ProbeKernel & { readonly isBuilt: boolean } {
  const folder = join(cacheFolder, 'probe', nameFor(compilerName(), cacheFolder))
  const kernel = {
    esp: join(folder, 'esp'),
    pvh: join(folder, 'probe.elf'),
    multiboot: join(folder, 'probe-multiboot.elf'),
  }
  return { ...kernel, isBuilt: existsSync(kernel.pvh) && existsSync(kernel.multiboot) }
}

const compilerName = () => process.env.CC ?? 'cc'

/**
 * Returns the built kernel, building it first if its sources, flags or compiler have changed since the last time.
 * One process builds it; others that need it wait for that one.
 *
 * @throws BringupError COMPILER_MISSING, PROBE_BUILD_FAILED
 */
export async function buildProbe(context: {
  readonly cacheFolder: string
  readonly signal?: AbortSignal
  readonly progress?: (what: string) => void
}): Promise<ProbeKernel> {
  const { isBuilt, ...kernel } = findProbe(context.cacheFolder)
  if (isBuilt) return kernel
  const compiler = compilerName()
  const folder = dirname(kernel.pvh)
  context.progress?.('building the probe kernel')
  const recipe = JSON.parse(readFileSync(join(SOURCE_FOLDER, 'build.json'), 'utf8')) as Recipe
  await fill({
    path: folder,
    isThere: () => findProbe(context.cacheFolder).isBuilt,
    ...(context.signal ? { signal: context.signal } : {}),
    make: async (partial, environment) => {
      makeFolder(partial)
      await compile(compiler, recipe, partial, { signal: context.signal, environment })
      makeFolder(join(partial, 'esp', 'EFI', 'BOOT'))
      copyFileSync(join(partial, 'probe.efi'), join(partial, 'esp', 'EFI', 'BOOT', 'BOOTX64.EFI'))
    },
  })
  return kernel
}

const nameFor = (compiler: string, cacheFolder: string) =>
  readOnce(['probe', compiler, cacheFolder], () => contentName(compiler, cacheFolder))

/** Names the built kernel by what it is made from. Reading it all takes 4 ms, so the name is kept by the files' times. */
function contentName(compiler: string, cacheFolder: string): string {
  const names = readdirSync(SOURCE_FOLDER)
    .filter((name) => /\.([chS]|ld|json)$/.test(name))
    .sort()
  const stamps = names.map((name) => statSync(`${SOURCE_FOLDER}/${name}`))
  const sum = (key: 'size' | 'mtimeMs' | 'ctimeMs' | 'ino') =>
    stamps.reduce((all, stat) => all + stat[key], 0)
  const folder = join(cacheFolder, 'files')
  const identity = nameOf([SOURCE_FOLDER, compiler, sum('size'), sum('mtimeMs'), sum('ctimeMs'), sum('ino')])
  const known = readKept<unknown>(folder, identity)
  if (typeof known === 'string' && /^[0-9a-f]{32}$/.test(known)) return known
  const hash = createHash('sha256').update(compiler)
  for (const name of names) hash.update(`\0${name}\0`).update(readFileSync(join(SOURCE_FOLDER, name)))
  const content = hash.digest('hex').slice(0, 32)
  keep(folder, identity, content)
  return content
}

async function compile(
  compiler: string,
  recipe: Recipe,
  folder: string,
  {
    signal,
    environment,
  }: { readonly signal: AbortSignal | undefined; readonly environment: Readonly<Record<string, string>> },
): Promise<void> {
  // Loaded here because it takes longer than everything else that a run with a built kernel loads.
  const { execa } = await import('execa')
  const object = (source: string) => join(folder, `${source.replaceAll('/', '-')}.o`)
  const run = async (program: string, args: readonly string[]) => {
    const result = await execa(program, args, {
      cwd: SOURCE_FOLDER,
      reject: false,
      env: environment,
      ...(signal ? { cancelSignal: signal } : {}),
    })
    if (result.code === 'ENOENT')
      throw new BringupError([problems.COMPILER_MISSING.at('', `there is no "${program}" in PATH`)])
    if (result.failed) {
      const what = `${result.command.slice(0, 200)} ended with ${result.exitCode ?? result.signal ?? result.code}`
      throw new BringupError([
        problems.PROBE_BUILD_FAILED.at('', what, { evidence: (result.stderr ?? '').split('\n').slice(-30) }),
      ])
    }
  }
  await Promise.all(
    recipe.sources.map((source) => run(compiler, [...recipe.cflags, '-c', source, '-o', object(source)])),
  )
  for (const output of recipe.outputs) {
    const file = join(folder, output.file)
    await run(compiler, [...output.ldflags, '-o', file, ...recipe.sources.map(object)])
    if (output.objcopy) await run('objcopy', [...output.objcopy, file])
  }
}
