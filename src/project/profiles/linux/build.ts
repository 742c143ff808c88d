/** How a Linux source tree is built: its configuration with fragments over it, the image, the modules. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { BuildContext } from '../../../build/context.ts'
import type { BuildGraph, BuildTarget, CommandAction } from '../../../build/graph.ts'
import type { BuildOptionSpec, BuildOptionValues } from '../../../build/options.ts'
import { sourceTree } from '../../recognise/source-tree.ts'
import { requirements } from './dependencies.ts'
import { bringupFragment } from './fragment.ts'
import { linuxVersion } from './tree.ts'

export const LINUX_BUILD_OPTIONS: readonly BuildOptionSpec[] = [
  {
    name: 'tree',
    type: 'text',
    valueName: 'folder',
    description: 'source tree to build (default: the project’s folder, where that is one)',
  },
  {
    name: 'config',
    type: 'text',
    valueName: 'name|file',
    description: 'base configuration: a make target such as tinyconfig, or a file',
    default: 'defconfig',
  },
  {
    name: 'fragments',
    type: 'list',
    valueName: 'files',
    description: 'configuration fragments merged over it; the last one wins',
  },
  {
    name: 'kernelModules',
    type: 'boolean',
    description: 'build the modules of the configuration too',
    default: false,
  },
  { name: 'llvm', type: 'boolean', description: 'build with clang and lld', default: false },
]

/** Where a tree is, and where what is built of it lies. */
export interface LinuxTree {
  /** The source tree, absolute. */
  readonly source: string
  /** Folder of all that is built (`O=`): the source tree stays clean. */
  readonly output: string
  readonly image: string
  /** Fragment that bringup writes. */
  readonly fragment: string
  /** Modules are installed below it, as `lib/modules/RELEASE`. */
  readonly modulesRoot: string
}

/**
 * The tree that a project builds: the one named, else the project's folder where that is one.
 *
 * @param tree Relative to the project's folder.
 */
export function linuxTree(
  context: Pick<BuildContext, 'projectFolder' | 'buildFolder'>,
  tree: string | undefined,
): LinuxTree | undefined {
  const source = resolve(context.projectFolder, tree ?? '.')
  if (tree === undefined && linuxVersion(sourceTree(source)) === undefined) return undefined
  const output = join(context.buildFolder, 'linux')
  return {
    source,
    output,
    image: join(output, 'arch/x86/boot/bzImage'),
    fragment: join(context.buildFolder, 'bringup.config'),
    modulesRoot: join(context.buildFolder, 'linux-modules'),
  }
}

/** Targets `config`, `bzImage` and, where they are wanted, `modules`. */
export function linuxGraph(tree: LinuxTree, context: BuildContext): BuildGraph {
  const { options, jobs, isVerbose } = context
  const make = (...words: readonly string[]): CommandAction => ({
    kind: 'command',
    argv: [
      'make',
      '-C',
      tree.source,
      `O=${tree.output}`,
      ...(options.llvm === true ? ['LLVM=1'] : []),
      ...words,
    ],
    // A kernel says when and by whom it was built unless it is told; with these it is the same every time.
    env: { KBUILD_BUILD_TIMESTAMP: '1970-01-01', KBUILD_BUILD_USER: 'bringup', KBUILD_BUILD_HOST: 'bringup' },
  })
  const parallel = (...words: readonly string[]) => make(`-j${jobs}`, ...(isVerbose ? ['V=1'] : []), ...words)
  return {
    targets: [
      configTarget(tree, context, make),
      {
        id: 'bzImage',
        summary: 'the kernel image',
        needs: ['config'],
        outputs: [tree.image],
        // Options that are new in the tree get their defaults; make would ask for them.
        actions: [make('olddefconfig'), parallel('bzImage')],
      },
      ...(options.kernelModules === true ? [modulesTarget(tree, make, parallel)] : []),
    ],
    requires: requirements(options.llvm === true),
  }
}

type Make = (...words: readonly string[]) => CommandAction

function configTarget(tree: LinuxTree, { options, projectFolder }: BuildContext, make: Make): BuildTarget {
  const config = String(options.config)
  const isFile = existsSync(resolve(projectFolder, config))
  const named = ((options.fragments ?? []) as readonly string[]).map((path) => resolve(projectFolder, path))
  const modules = options.kernelModules === true ? 'CONFIG_MODULES=y\n' : ''
  const written = join(tree.output, '.config')
  const base: BuildTarget['actions'] = isFile
    ? [{ kind: 'file', to: written, source: { from: config } }]
    : [make(config)]
  return {
    id: 'config',
    summary: `${config}, with what a guest needs and ${named.length} fragments over it`,
    inputs: [...named, ...(isFile ? [config] : []), join(tree.source, 'Makefile')],
    outputs: [written],
    isComplete: true,
    actions: [
      { kind: 'file', to: tree.fragment, source: { content: `${bringupFragment()}${modules}` } },
      ...base,
      {
        kind: 'command',
        argv: ['scripts/kconfig/merge_config.sh', '-m', '-O', tree.output, written, tree.fragment, ...named],
        cwd: tree.source,
      },
      make('olddefconfig'),
      {
        kind: 'check',
        file: written,
        lines: [...ESSENTIAL, ...named.flatMap(wantedLines)],
        remedy:
          'name what the options depend on in a fragment too: `make menuconfig` shows it, with / and the name',
      },
    ],
  }
}

/** Without these a guest says nothing, or lacks hardware that machines are made for. */
const ESSENTIAL = [
  '64BIT',
  'SERIAL_8250_CONSOLE',
  'BLK_DEV_INITRD',
  'BINFMT_ELF',
  'DEVTMPFS',
  'PROC_FS',
  'VIRTIO_PCI',
  'VIRTIO_CONSOLE',
  'VIRTIO_BLK',
  'BLK_DEV_PMEM',
].map((name) => `CONFIG_${name}=y`)

/** Options that a fragment sets. One that is not to be set may be unknown to the kernel all the same. */
function wantedLines(fragment: string): readonly string[] {
  if (!existsSync(fragment)) return []
  return readFileSync(fragment, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^CONFIG_\w+=/.test(line) && !line.endsWith('=n'))
}

function modulesTarget(tree: LinuxTree, make: Make, parallel: Make): BuildTarget {
  return {
    id: 'modules',
    summary: 'the modules, stripped, in a folder of their own',
    needs: ['bzImage'],
    actions: [
      parallel('modules'),
      make('modules_install', `INSTALL_MOD_PATH=${tree.modulesRoot}`, 'INSTALL_MOD_STRIP=1'),
    ],
  }
}

/** The folder of modules that belongs to what was built; undefined where none were. */
export function builtModules(tree: LinuxTree, options: BuildOptionValues): string | undefined {
  const release = join(tree.output, 'include/config/kernel.release')
  if (options.kernelModules !== true || !existsSync(release)) return undefined
  return join(tree.modulesRoot, 'lib/modules', readFileSync(release, 'utf8').trim())
}
