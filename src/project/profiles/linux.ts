/** Linux guests: a given kernel or this distribution's, with an initramfs that bringup makes. */
import { join, resolve } from 'node:path'
import type { BuildOptionValues } from '../../build/options.ts'
import { BringupError } from '../../diagnostics.ts'
import { gdbServerOf } from '../../machine/devices/gdb.ts'
import type { MachineInput } from '../../machine/machine.ts'
import { defineProfile, type PrepareContext, type Prepared, type Profile, type Settling } from '../profile.ts'
import type { ConfigSketch, SourceTree } from '../recognise/tree.ts'
import { builtModules, LINUX_BUILD_OPTIONS, type LinuxTree, linuxGraph, linuxTree } from './linux/build.ts'
import { commandLine } from './linux/command-line.ts'
import { LINUX_DEPENDENCIES } from './linux/dependencies.ts'
import { LINUX_ENDS } from './linux/ends.ts'
import { hostRootFolder, hostRootSettling, inHostRoot } from './linux/host-root.ts'
import { updatePins } from './linux/kernel.ts'
import { KERNEL_LOG } from './linux/kernel-reports.ts'
import { networkSettling } from './linux/network.ts'
import { problems as packageProblems } from './linux/packages.ts'
import { prepareLinux } from './linux/prepare.ts'
import { previewLinux } from './linux/preview.ts'
import { projectFolder } from './linux/project-folder.ts'
import { linuxRdma, rdmaSettling } from './linux/rdma.ts'
import type { LinuxOptions, Ready } from './linux/recipe.ts'
import { symbolsOf } from './linux/symbols.ts'
import { terminalCommand } from './linux/terminal.ts'
import { linuxVersion } from './linux/tree.ts'
import { parseView, VIEW_COMMAND } from './linux/view.ts'

export type { LinuxOptions } from './linux/recipe.ts'

/** An interactive shell has no time limit of a minute. */
const AT_A_TERMINAL = '12h'

/**
 * The Linux profile with another kernel, more modules or more programs.
 *
 * @example
 * defineConfig({ profiles: [linuxProfile({ name: 'linux-full', kernelPackage: 'linux-image-amd64', programs: ['mkfs.ext4'] })] })
 */
export function linuxProfile({
  name = 'linux',
  ...options
}: LinuxOptions & { readonly name?: string } = {}): Profile {
  return defineProfile({
    name,
    summary:
      'a Linux kernel with busybox, the modules of the machine’s devices and the programs that are named',
    source: { url: 'https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git' },
    dependencies: LINUX_DEPENDENCIES,
    defaults: {
      memory: { size: '512M' },
      devices: [{ kind: 'virtio-console', id: 'shell', name: 'org.bringup.shell', purpose: 'shell' }],
    },
    judgement: {
      exitCodes: { 0: { verdict: 'passed', meaning: 'the command returned 0' } },
      panicPatterns: ['(^|\\] )Kernel panic - not syncing', '(^|\\] )Oops: ', '(^|\\] )kernel BUG at '],
      ...LINUX_ENDS,
      onPowerOff: 'passed',
      onReset: 'stop',
    },
    needsLongMode: true,
    hasShell: true,
    canBeSaved: true,
    terminalCommand,
    verifiesByDefault: false,
    buildOptions: LINUX_BUILD_OPTIONS,
    build(context) {
      const tree = treeOf(options, context, context.options)
      return tree === undefined ? { targets: [] } : linuxGraph(tree, context)
    },
    recognise: recogniseLinux,
    async prepare(asked) {
      const attempt = async (given: PrepareContext) => {
        const context = withProject(given)
        const tree = treeOf(options, context, context.buildOptions)
        const ready = await prepareLinux(...ofTree(tree, options, context))
        return preparedOf(ready, { tree, context, given })
      }
      return attempt(asked).catch(async (error: unknown) => {
        const why = asked.sharesProject === 'if-possible' ? unavailable(error) : undefined
        if (why === undefined) throw error
        return withNote(await attempt(unshared(asked)), why)
      })
    },
    async preview(given) {
      const context = withProject(given)
      const tree = treeOf(options, context, context.buildOptions)
      const { pending, diagnostics, ...ready } = await previewLinux(...ofTree(tree, options, context))
      return { ...preparedOf(ready, { tree, context, given }), pending, diagnostics }
    },
    update: ({ pinFolder, cacheFolder, ...context }) =>
      updatePins(pinFolder, { ...context, folder: join(cacheFolder, 'linux') }),
    inHostRoot,
    settle: (plan) => inTurn(networkSettling(plan), rdmaSettling(plan), hostRootSettling(plan)),
    kernelLog: KERNEL_LOG,
    rdma: linuxRdma,
    async view({ run }) {
      if (!run) return undefined
      const { stdout, exitCode } = await run(VIEW_COMMAND)
      return exitCode === 0 ? parseView(stdout) : undefined
    },
  })
}

interface Sources {
  readonly tree: LinuxTree | undefined
  /** With the folder of the project among the devices. */
  readonly context: PrepareContext
  readonly given: PrepareContext
}

/** A kernel that cannot mount the folder boots without it, unless it was asked for. */
function preparedOf(ready: Ready, { tree, context, given }: Sources): Prepared {
  const isDropped = ready.lacksFolders === true && given.sharesProject === 'if-possible'
  const prepared = {
    ...namesOf(ready, tree, context),
    machine: machineOf({ ...kernelOf(tree), ...ready }, isDropped ? unshared(given) : given),
  }
  return isDropped ? withNote(prepared, 'the kernel has no 9p (NET_9P_VIRTIO, 9P_FS)') : prepared
}

function unshared({ sharesProject, ...context }: PrepareContext): PrepareContext {
  return context
}

const withNote = (prepared: Prepared, why: string): Prepared => ({
  ...prepared,
  notes: [`the project’s folder is not in the guest: ${why}`],
})

/** Why the distribution's full kernel is not there, where that is the error. */
function unavailable(error: unknown): string | undefined {
  const isOfPackages = error instanceof BringupError && UNAVAILABLE.has(error.code)
  return isOfPackages ? `the full kernel is not available (${error.diagnostics[0]?.what})` : undefined
}

const UNAVAILABLE = new Set<string>([
  packageProblems.LINUX_NO_APT.code,
  packageProblems.LINUX_PACKAGE_UNKNOWN.code,
  packageProblems.LINUX_DOWNLOAD_FAILED.code,
])

const sharedFolders = (context: PrepareContext) => [
  ...projectFolder(context),
  ...(context.hasHostRoot === true ? [hostRootFolder] : []),
]

/** What is prepared must suit the folder of the project too. */
function withProject<Context extends PrepareContext>(context: Context): Context {
  const { machine } = context
  return {
    ...context,
    machine: { ...machine, devices: [...(machine.devices ?? []), ...sharedFolders(context)] },
    // Its programs are those of this computer.
    command: context.hasHostRoot === true ? [] : context.command,
  }
}

/** The tree to build; none where a kernel is given or named. */
function treeOf(
  { kernelPackage }: LinuxOptions,
  context: Pick<PrepareContext, 'machine' | 'projectFolder' | 'buildFolder'>,
  { tree }: BuildOptionValues,
): LinuxTree | undefined {
  const isGiven = context.machine.boot?.kernel !== undefined || kernelPackage !== undefined
  return isGiven ? undefined : linuxTree(context, typeof tree === 'string' ? tree : undefined)
}

function inTurn(...settlings: readonly (Settling | undefined)[]): Settling | undefined {
  const [first, ...others] = settlings.filter((one) => one !== undefined)
  if (!first) return undefined
  return async (run) => {
    const found = [...(await first(run))]
    for (const settle of others) found.push(...(await settle(run)))
    return found
  }
}

/** The release, and the symbols where a debugger wants them. */
function namesOf(
  { release, kernel }: { readonly release?: string; readonly kernel?: string },
  tree: LinuxTree | undefined,
  { machine, projectFolder }: PrepareContext,
) {
  const given = machine.boot?.kernel
  const booted = tree?.image ?? kernel ?? (given && resolve(projectFolder, given))
  const symbols = wantsGdb(machine) ? symbolsOf(booted, release) : undefined
  return {
    ...(release ? { boots: `Linux ${release}` } : {}),
    ...(symbols === undefined ? {} : { symbols }),
  }
}

const wantsGdb = ({ gdb = false, qemuArgs = [] }: MachineInput) =>
  gdbServerOf({ gdb, qemuArgs }) !== undefined

const isConsoleVirtio = ({ console }: MachineInput) =>
  (typeof console === 'object' ? console.type : console) === 'virtio'

const kernelOf = (tree: LinuxTree | undefined) => (tree === undefined ? {} : { kernel: tree.image })

/** A kernel that was built is like one that the user names: the image is given, with its folder of modules. */
function ofTree<Context extends PrepareContext>(
  tree: LinuxTree | undefined,
  options: LinuxOptions,
  context: Context,
): [LinuxOptions, Context] {
  if (tree === undefined) return [options, context]
  const modulesFolder = options.modulesFolder ?? builtModules(tree, context.buildOptions)
  const { machine } = context
  return [
    modulesFolder === undefined ? options : { ...options, modulesFolder },
    { ...context, machine: { ...machine, boot: { ...machine.boot, kernel: tree.image } } },
  ]
}

function machineOf(
  { kernel, initrd }: { readonly kernel?: string; readonly initrd: string },
  given: PrepareContext,
): MachineInput {
  const { command, terminal } = given
  const isInteractive = terminal || (command.length === 0 && process.stdin.isTTY === true)
  return {
    boot: {
      ...(kernel === undefined ? {} : { kernel }),
      initrd,
      append: commandLine({
        terminal: isConsoleVirtio(given.machine) ? 'hvc0' : 'ttyS0',
        hasConsoleShell: command.length === 0 && !terminal,
        hasGdb: wantsGdb(given.machine),
      }),
    },
    devices: sharedFolders(given),
    ...(isInteractive ? { timeout: AT_A_TERMINAL } : {}),
  }
}

function recogniseLinux(tree: SourceTree): ConfigSketch | undefined {
  const version = linuxVersion(tree)
  if (version === undefined) return undefined
  return {
    what: `Linux ${version} source tree`,
    because: 'Kbuild, Kconfig, MAINTAINERS and arch/x86',
    entries: [
      { key: 'profile', value: 'linux' },
      {
        key: 'build',
        value: { config: 'defconfig', fragments: [], kernelModules: false },
        comment: [
          'Configuration to begin with (defconfig, tinyconfig, or a file), and fragments over it.',
          'What a guest of bringup needs (serial console, virtio, NVDIMMs) is added; the source tree stays clean.',
        ],
      },
    ],
  }
}

export const linux = linuxProfile()
