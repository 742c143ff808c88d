/** Programs: where they are, and how packages are installed. */
import { delimiter, isAbsolute, join } from 'node:path'
import { homeFolder } from '../home-folder.ts'
import type { PackageFamily } from './distribution.ts'
import { isProgram } from './is-program.ts'

/**
 * The folder for what is installed for this user: `$XDG_DATA_HOME/bringup`, else `~/.local/share/bringup` (XDG Base
 * Directory Specification: a relative path is ignored).
 */
export function dataFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const named = env.XDG_DATA_HOME
  return join(named && isAbsolute(named) ? named : join(homeFolder(env), '.local/share'), 'bringup')
}

/** Where `setup` puts programs of this user's that no package has. */
export function userTools(env: Readonly<Record<string, string | undefined>> = process.env) {
  const data = dataFolder(env)
  return {
    cargo: env.CARGO_HOME || join(homeFolder(env), '.cargo'),
    npm: join(data, 'npm'),
    python: join(data, 'python'),
  }
}

/**
 * The folders of a search path, then those of `userTools`, then the sbin folders, which ordinary users often lack. What is
 * found in them is to be run with them in PATH: programs start each other.
 */
export function programFolders(searchPath = process.env.PATH ?? ''): readonly string[] {
  const own = Object.values(userTools()).map((folder) => join(folder, 'bin'))
  return [...new Set([...searchPath.split(delimiter).filter(Boolean), ...own, '/usr/sbin', '/sbin'])]
}

/** The first executable of that name in `programFolders`. */
export function findProgram(name: string, searchPath?: string): string | undefined {
  return programFolders(searchPath)
    .map((folder) => join(folder, name))
    .find(isProgram)
}

/** How each family installs packages, as root; the names follow. */
export const INSTALL: Readonly<Record<PackageFamily, readonly string[]>> = {
  debian: ['apt-get', 'install', '--yes', '--no-install-recommends'],
  fedora: ['dnf', 'install', '--assumeyes'],
  arch: ['pacman', '--sync', '--noconfirm', '--needed'],
  suse: ['zypper', '--non-interactive', 'install', '--no-recommends'],
  alpine: ['apk', 'add'],
}
