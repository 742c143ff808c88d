/** Programs that bringup or its profiles use: whether they are here, in which version, and which package has them. */

import { execFile } from 'node:child_process'
import { delimiter, join } from 'node:path'
import type { PackageFamily } from './distribution.ts'
import { isProgram } from './is-program.ts'

export interface Tool {
  /** The program's name. */
  readonly name: string
  readonly purpose: string
  readonly versionArgs: readonly string[]
  readonly packages: Readonly<Record<PackageFamily, string>>
}

const same = (name: string): Tool['packages'] => ({
  debian: name,
  fedora: name,
  arch: name,
  suse: name,
  alpine: name,
})
const VERSION = ['--version']

/** Sorted by how many would miss them. */
export const TOOLS: readonly Tool[] = [
  {
    name: 'qemu-system-x86_64',
    purpose: 'runs the machines',
    versionArgs: VERSION,
    packages: {
      debian: 'qemu-system-x86',
      fedora: 'qemu-system-x86-core',
      arch: 'qemu-system-x86',
      suse: 'qemu-x86',
      alpine: 'qemu-system-x86_64',
    },
  },
  {
    name: 'setpriv',
    purpose: 'ties QEMU’s life to bringup’s',
    versionArgs: VERSION,
    packages: same('util-linux'),
  },
  { name: 'flock', purpose: 'locks backing files', versionArgs: VERSION, packages: same('util-linux') },
  { name: 'taskset', purpose: 'pins virtual CPUs', versionArgs: VERSION, packages: same('util-linux') },
  { name: 'gcc', purpose: 'builds the bundled kernel', versionArgs: VERSION, packages: same('gcc') },
  {
    name: 'clang',
    purpose: 'builds the bundled kernel where there is no gcc',
    versionArgs: VERSION,
    packages: same('clang'),
  },
  {
    name: 'busybox',
    purpose: 'is the shell of Linux guests',
    versionArgs: ['--help'],
    packages: same('busybox'),
  },
  {
    name: 'ndctl',
    purpose: 'configures NVDIMMs inside Linux guests',
    versionArgs: VERSION,
    packages: same('ndctl'),
  },
  { name: 'mcopy', purpose: 'writes FAT images', versionArgs: VERSION, packages: same('mtools') },
]

export interface ToolFact {
  readonly name: string
  readonly purpose: string
  /** Undefined when it is not in PATH. */
  readonly path?: string
  /** `12.2.0`; undefined when the program does not say one. */
  readonly version?: string
}

/** All tools, asked side by side; nothing is asked longer than two seconds. */
export function readTools(
  tools: readonly Tool[] = TOOLS,
  searchPath = process.env.PATH ?? '',
): Promise<readonly ToolFact[]> {
  return Promise.all(
    tools.map(async ({ name, purpose, versionArgs }) => {
      const path = findProgram(name, searchPath)
      if (path === undefined) return { name, purpose }
      const version = await versionOf(path, versionArgs)
      return { name, purpose, path, ...(version === undefined ? {} : { version }) }
    }),
  )
}

/** The first executable of that name in the search path; ordinary users often lack the sbin folders, so those come last. */
export function findProgram(name: string, searchPath = process.env.PATH ?? ''): string | undefined {
  const folders = [...searchPath.split(delimiter).filter(Boolean), '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, name)).find(isProgram)
}

function versionOf(path: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { timeout: 2000, env: { ...process.env, LC_ALL: 'C' } }
    // Busybox says its version and fails; so the output counts, not the status.
    execFile(path, args, options, (_error, stdout, stderr) =>
      resolve(/\d+(?:\.\d+)+/.exec(stdout || stderr)?.[0] ?? /\b\d+\b/.exec(stdout)?.[0]),
    )
  })
}

/** How each family installs packages, as root; the names follow. */
export const INSTALL: Readonly<Record<PackageFamily, readonly string[]>> = {
  debian: ['apt-get', 'install', '--yes', '--no-install-recommends'],
  fedora: ['dnf', 'install', '--assumeyes'],
  arch: ['pacman', '--sync', '--noconfirm', '--needed'],
  suse: ['zypper', '--non-interactive', 'install', '--no-recommends'],
  alpine: ['apk', 'add'],
}

/** The command that installs those tools, to be run as root; undefined for names that are no tools. */
export function installCommand(
  family: PackageFamily,
  names: readonly string[],
): readonly string[] | undefined {
  const packages = TOOLS.filter((t) => names.includes(t.name)).map((t) => t.packages[family])
  return packages.length > 0 ? [...INSTALL[family], ...new Set(packages)] : undefined
}
