/** Gets a Linux guest ready: kernel, initramfs, command line. A run that changes nothing reads one small file. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../../../diagnostics.ts'
import { writeWhole } from '../../../own-files.ts'
import { withLock } from '../../../processes/file-lock.ts'
import { keep, nameOf, readKept } from '../../../qemu/cache.ts'
import type { Entry } from '../../images/cpio.ts'
import type { Pending, PrepareContext, PreviewContext } from '../../profile.ts'
import { agentIdentity, buildAgent } from './agent-build.ts'
import { initramfs } from './initramfs.ts'
import { defaultKernelPackages, givenKernel, type Kernel, packagedKernel, pinKey } from './kernel.ts'
import { driversNotBuiltIn } from './kernel-image.ts'
import { type Module, ModuleFolder } from './modules.ts'
import { type PackageContext, type PackageFile, packageFiles, packagesStamp } from './packages.ts'
import { type Pin, readPins, writePin } from './pins.ts'
import { busyboxEntries, packagesOfProgram, programEntries, programStamp } from './programs.ts'
import { builtPvrdmaModule, packagesOfPvrdmaModule } from './pvrdma-module.ts'
import { rdmaPathOf, wrongWithRdma } from './rdma-drivers.ts'
import { packagesOfProviders } from './rdma-providers.ts'
import { terminalCommand, terminfoEntries, terminfoFile } from './terminal.ts'
import {
  CHANNEL_MODULES,
  hasCard,
  modulesFor,
  needsFullKernel,
  PVRDMA_MODULE,
  programsFor,
  providersOf,
  rdmaDriversOf,
  waitsFor,
} from './wanted.ts'

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

export interface LinuxOptions {
  /** Package of the kernel. Default: the first that apt knows of linux-image-cloud-amd64, linux-image-virtual, …  */
  readonly kernelPackage?: string
  /** Folder of modules for a kernel of your own: `…/lib/modules/RELEASE`. */
  readonly modulesFolder?: string
  /** Kernel modules beyond those that the machine's devices need. */
  readonly modules?: readonly string[]
  /** Programs beyond busybox and the command's own: names, or paths on this computer. */
  readonly programs?: readonly string[]
}

/** What is booted, in the cache. */
export interface Ready {
  readonly kernel?: string
  readonly initrd: string
  /** Of the kernel; empty where it does not say. */
  readonly release?: string
  /** The kernel has no driver of shared folders. */
  readonly lacksFolders?: boolean
  /** Version of a kernel of the distribution. */
  readonly pin?: Pin
}

/** Part of every name in the cache: raised when what is made of the same things changes. */
const FORM = 8

export async function prepareLinux(options: LinuxOptions, context: PrepareContext): Promise<Ready> {
  const wants = wantsOf(options, context)
  const folder = join(context.cacheFolder, 'linux')
  const name = nameOfReady(wants)
  /** What is found under another name from now on, since its version is pinned. */
  const pinned = (ready: Ready): Ready => {
    if (!ready.pin || wants.pin) return ready
    writePin(context.pinFolder, pinKey(wants), ready.pin)
    keep(folder, nameOfReady({ ...wants, pin: ready.pin }), ready)
    return ready
  }
  const known = readReady(folder, name)
  if (known) return pinned(known)
  const fill = async () => {
    const byAnother = readReady(folder, name)
    if (byAnother) return pinned(byAnother)
    const { pinFolder } = context
    const ready = await make(
      wants,
      { pinFolder },
      { folder, signal: context.signal, progress: context.progress },
    )
    keep(folder, name, ready)
    return pinned(ready)
  }
  return withLock(join(folder, 'lock'), fill, context.signal)
}

/** What is booted, made or not, and what is missing of it. */
export async function previewLinux(
  options: LinuxOptions,
  context: PreviewContext,
): Promise<Ready & { readonly pending: readonly Pending[]; readonly diagnostics: readonly Diagnostic[] }> {
  const wants = wantsOf(options, context)
  const folder = join(context.cacheFolder, 'linux')
  const known = readReady(folder, nameOfReady(wants))
  if (known && (wants.pin || !known.pin)) return { ...known, pending: [], diagnostics: [] }
  if (known)
    return {
      ...known,
      pending: [{ what: 'the version of the kernel, written down' }],
      diagnostics: [],
    }
  const [kernel, initrd] = [join(folder, 'kernels', 'new.elf'), join(folder, 'images', 'new.cpio')]
  const means = { folder, signal: context.signal, progress: context.progress }
  const packages = context.wantsSizes ? await missingFiles(wants, means) : []
  return {
    initrd,
    ...(wants.given === undefined ? { kernel } : {}),
    diagnostics: await wrongWithGiven(wants, context.signal),
    pending: [
      ...packages.map(({ file, bytes }) => ({ what: `the package ${file}`, bytes })),
      { what: 'the initial RAM disk of the Linux guest', path: initrd },
      ...(wants.given === undefined ? [{ what: 'the kernel, unpacked from its package', path: kernel }] : []),
    ],
  }
}

/** Packages that are not in the cache yet. Where apt cannot say, `prepare` will. */
async function missingFiles(wants: Wants, context: PackageContext): Promise<readonly PackageFile[]> {
  const kernel =
    wants.given === undefined
      ? await orNothing(async () => wants.pin?.packages ?? defaultKernelPackages(wants, context))
      : []
  const lists = [
    async () => kernel,
    ...(wants.deviceModules.includes(PVRDMA_MODULE) ? [() => packagesOfPvrdmaModule(kernel, context)] : []),
    async () => ['busybox-static'],
    ...[...wants.command, ...wants.programs, ...wants.useful].map(
      (program) => () => packagesOfProgram(program, context),
    ),
    () => packagesOfProviders(wants.rdma, context),
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

function nameOfReady({ pin, ...wants }: Wants): string {
  // The name depends on the order of the keys, and the pin comes from a file or from what was just made.
  const pinned = pin ? [pin.packages, pin.folders] : []
  const programs = [...wants.command, ...wants.programs, ...wants.useful].map(programStamp)
  return join('ready', nameOf([FORM, wants, pinned, packagesStamp(), agentIdentity(), programs]))
}

type Wants = ReturnType<typeof wantsOf>

/** Everything that the result depends on, as plain data. */
function wantsOf(
  options: LinuxOptions,
  { machine, command, terminal, projectFolder, pinFolder }: PrepareContext,
) {
  const programs = programsFor(machine, command)
  const session = terminal
    ? { terminfo: terminfoFile(process.env.TERM), shell: command.length === 0 ? terminalCommand() : [] }
    : {}
  const given = machine.boot?.kernel === undefined ? undefined : resolve(projectFolder, machine.boot.kernel)
  const wish = { kernelPackage: options.kernelPackage, needsFullKernel: needsFullKernel(machine) }
  const pin = given === undefined ? readPins(pinFolder)[pinKey(wish)] : undefined
  return {
    ...wish,
    ...(pin ? { pin } : {}),
    ...(machine.boot?.firmware === 'uefi' ? { isForUefi: true } : {}),
    hasCard: hasCard(machine),
    given,
    givenIdentity:
      given !== undefined && existsSync(given) ? [statSync(given).size, statSync(given).mtimeMs] : [],
    modulesFolder:
      options.modulesFolder === undefined ? undefined : resolve(projectFolder, options.modulesFolder),
    deviceModules: modulesFor(machine),
    rdma: providersOf(machine),
    rdmaDrivers: rdmaDriversOf(machine),
    rdmaAt: rdmaPathOf(machine),
    modules: options.modules ?? [],
    waitFor: waitsFor(machine),
    command: [...programs.needed, ...(session.shell ?? [])],
    ...(session.terminfo === undefined ? {} : { terminfo: session.terminfo }),
    programs: options.programs ?? [],
    useful: programs.useful,
  }
}

function readReady(folder: string, name: string): Ready | undefined {
  const ready = readKept<Ready>(folder, name)
  return ready && existsSync(ready.initrd) && (ready.kernel === undefined || existsSync(ready.kernel))
    ? ready
    : undefined
}

async function make(
  wants: Wants,
  where: { readonly pinFolder: string },
  context: PackageContext,
): Promise<Ready> {
  const kernel =
    wants.given === undefined
      ? await packagedKernel({ ...wants, ...where }, context)
      : givenKernel(wants.given, wants.modulesFolder)
  const modules = [
    ...(await modulesOf(kernel, wants, context.signal)),
    ...(await builtModules(kernel, wants, context)),
  ]
  const busybox = await busyboxEntries(context)
  const applets = new Set(busybox.map((entry) => entry.path.slice(entry.path.lastIndexOf('/') + 1)))
  const image = initramfs({
    agent: await buildAgent(context.folder, context.signal),
    busybox,
    modules,
    release: kernel.release,
    waitFor: wants.waitFor,
    hasCard: wants.hasCard,
    programs: [
      ...terminfoEntries(wants.terminfo),
      ...(await usefulEntries(unnamed(wants), context, wants.rdma)),
      ...(await programEntries(
        [...wants.command.filter((name) => !applets.has(name)), ...wants.programs],
        context,
        { applets, rdma: wants.rdma },
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
    ...((await lacksFolders(kernel, wants, context.signal)) ? { lacksFolders: true } : {}),
  }
}

const FOLDER_DRIVER = '9pnet_virtio'

/** False where that cannot be found out. */
async function lacksFolders(kernel: Kernel, wants: Wants, signal: AbortSignal): Promise<boolean> {
  if (!wants.deviceModules.includes(FOLDER_DRIVER)) return false
  const { modulesFolder, image = wants.given } = kernel
  if (modulesFolder !== undefined && new ModuleFolder(modulesFolder).missing([FOLDER_DRIVER]).length === 0)
    return false
  if (image === undefined || !existsSync(image)) return false
  return (await driversNotBuiltIn(readFileSync(image), [FOLDER_DRIVER], signal))?.length === 1
}

/** A kernel may have a device's driver built in, or lack it; what the user named must be there. */
async function modulesOf(kernel: Kernel, wants: Wants, signal: AbortSignal): Promise<readonly Module[]> {
  const { modulesFolder } = kernel
  const { modules, missing } =
    modulesFolder === undefined
      ? { modules: [], missing: [...CHANNEL_MODULES, ...wants.rdmaDrivers] }
      : await new ModuleFolder(modulesFolder).inLoadOrder([...wants.deviceModules, ...wants.modules])
  const wrong = await wrongWith(kernel, wants, missing, signal)
  if (wrong.length > 0) throw new BringupError(wrong)
  return modules
}

/** Drivers that a kernel of the distribution lacks, and that are built for it. They depend on those that are loaded before. */
async function builtModules(
  { pin, modulesFolder, release }: Kernel,
  { deviceModules }: Wants,
  context: PackageContext,
): Promise<readonly Module[]> {
  if (!pin || modulesFolder === undefined || !deviceModules.includes(PVRDMA_MODULE)) return []
  const isLacking = new ModuleFolder(modulesFolder).missing([PVRDMA_MODULE]).length > 0
  return isLacking ? [await builtPvrdmaModule({ release }, context)] : []
}

/** What `make` would refuse of a kernel that the user gave. */
async function wrongWithGiven(wants: Wants, signal: AbortSignal): Promise<readonly Diagnostic[]> {
  if (wants.given === undefined || !existsSync(wants.given)) return []
  const kernel = givenKernel(wants.given, wants.modulesFolder)
  const missing =
    kernel.modulesFolder === undefined
      ? [...CHANNEL_MODULES, ...wants.rdmaDrivers]
      : new ModuleFolder(kernel.modulesFolder).missing([...wants.deviceModules, ...wants.modules])
  return wrongWith(kernel, wants, missing, signal)
}

/**
 * Modules that the user named and the kernel lacks, and drivers of the command channel: without them a guest would wait
 * until the time-out.
 *
 * @param missing names that no module was found for
 */
async function wrongWith(
  kernel: Kernel,
  wants: Wants,
  missing: readonly string[],
  signal: AbortSignal,
): Promise<readonly Diagnostic[]> {
  const named =
    kernel.modulesFolder === undefined
      ? []
      : missing.filter((name) => wants.modules.some((m) => m.replaceAll('-', '_') === name))
  const withoutModule = CHANNEL_MODULES.filter((name) => missing.includes(name))
  return [
    ...named.map((name) =>
      problems.LINUX_MODULE_MISSING.at('', `kernel ${kernel.release} has no module "${name}"`),
    ),
    ...(await withoutChannel(kernel, wants, withoutModule, signal)),
    ...(await wrongWithRdma(kernel, wants, missing, signal)),
  ]
}

async function withoutChannel(
  { release, modulesFolder }: Kernel,
  { given }: Wants,
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

/** What is useful and not wanted by name. */
const unnamed = ({ useful, command, programs }: Wants): readonly string[] =>
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

/**
 * Words for the kernel. `quiet` saves 0.15 s of console output, `cryptomgr.notests` 0.05 s; `no_timer_check` skips a
 * test that fails on an emulated CPU that the host delays ("IO-APIC + timer doesn't work"); `panic=-1` makes a panic a
 * reset at once, which ends the run. `nokaslr` keeps the kernel where its symbols are.
 */
export function commandLine({
  terminal,
  hasConsoleShell,
  hasGdb,
}: {
  /** The kernel's console. */
  readonly terminal: 'ttyS0' | 'hvc0'
  readonly hasConsoleShell: boolean
  readonly hasGdb: boolean
}): string {
  const words = [`console=${terminal}`, 'quiet', 'cryptomgr.notests', 'no_timer_check', 'panic=-1']
  return [...words, ...(hasGdb ? ['nokaslr'] : []), ...(hasConsoleShell ? ['bringup.console'] : [])].join(' ')
}
