/** Which submodules a source tree records, where they come from, and what has become of them here. */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { Git, GitCall } from './git.ts'

export interface Submodule {
  /** Name in `.gitmodules`; the path when it is not declared there. */
  readonly name: string
  /** Relative to the tree that records it. */
  readonly path: string
  /** The recorded commit. */
  readonly commit: string
  /** Absolute address as git has registered it; absent if it has not. */
  readonly url?: string
  /** The address before `git submodule sync`, when `.gitmodules` has another one now. */
  readonly oldUrl?: string
  /** `update = none`: recorded, but not wanted. */
  readonly isUnwanted: boolean
}

/**
 * Registers the submodules of a tree with git (init), takes over changed addresses (sync), and lists them. Paths come
 * from the index and addresses from git's own config, so that git has checked both: `.gitmodules` is untrusted.
 */
export async function registerSubmodules(
  git: Git,
  folder: string,
  call: GitCall,
): Promise<readonly Submodule[]> {
  const links = await recordedCommits(git, folder)
  if (links.size === 0) return []
  const before = await registered(git, folder)
  await git.run(['submodule', '--quiet', 'init'], { ...call, cwd: folder })
  if (before.size > 0) await git.run(['submodule', '--quiet', 'sync'], { ...call, cwd: folder })
  const after = await registered(git, folder)
  const names = await namesByPath(git, folder)
  return [...links].map(([path, commit]) => {
    const name = names.get(path) ?? path
    const url = after.get(`${name}.url`)
    const oldUrl = before.get(`${name}.url`)
    return {
      name,
      path,
      commit,
      isUnwanted: after.get(`${name}.update`) === 'none',
      ...(url === undefined ? {} : { url }),
      ...(oldUrl === undefined || oldUrl === url ? {} : { oldUrl }),
    }
  })
}

/** Commits by path: the entries of mode 160000 in the index. */
async function recordedCommits(git: Git, folder: string): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await git.run(['ls-files', '--stage', '-z'], { cwd: folder })
  return new Map(
    stdout.split('\0').flatMap((entry) => {
      const [, commit, path] = /^160000 ([0-9a-f]+) \d\t(.+)$/s.exec(entry) ?? []
      return commit && path ? [[path, commit] as const] : []
    }),
  )
}

/** `NAME.url` and `NAME.update` of the clone's own config. */
async function registered(git: Git, folder: string): Promise<ReadonlyMap<string, string>> {
  return readConfig(git, folder, ['--local'], '^submodule\\..*\\.(url|update)$')
}

async function namesByPath(git: Git, folder: string): Promise<ReadonlyMap<string, string>> {
  const paths = await readConfig(git, folder, ['--file', '.gitmodules'], '^submodule\\..*\\.path$')
  return new Map([...paths].map(([key, path]) => [path.replace(/\/+$/, ''), key.slice(0, -'.path'.length)]))
}

async function readConfig(
  git: Git,
  folder: string,
  where: readonly string[],
  pattern: string,
): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await git.run(['config', ...where, '-z', '--get-regexp', pattern], { cwd: folder })
  return new Map(
    stdout.split('\0').flatMap((entry) => {
      const at = entry.indexOf('\n')
      return at === -1 ? [] : [[entry.slice('submodule.'.length, at), entry.slice(at + 1)] as const]
    }),
  )
}

/** A recorded path must not lead out of the tree through a symbolic link (CVE-2024-32002). */
export function leadsThroughLink(folder: string, path: string): boolean {
  const parts = path.split('/')
  return parts.some((_, index) =>
    lstatSync(join(folder, ...parts.slice(0, index + 1)), { throwIfNoEntry: false })?.isSymbolicLink(),
  )
}
