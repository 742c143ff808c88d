/** Puts the wanted commit into the folder, and never over the user's work. */
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import type { Git, GitCall } from './git.ts'
import { diagnoseFailure } from './git-failure.ts'
import type { Target } from './refs.ts'

export const problems = defineDiagnostics({
  CHECKOUT_TREE_CHANGED: {
    title: 'The clone has changes that are not committed.',
    why: 'checking out another commit could overwrite them',
    remedy: 'commit them, or put them aside with git stash, then run the command again',
  },
  CHECKOUT_BRANCH_DIVERGED: {
    title: 'The local branch has commits that the server’s branch lacks.',
    why: 'moving it to the server’s commit would lose them',
    remedy: 'rebase or push them, or rename the branch (git branch -m NAME), then run the command again',
  },
  CHECKOUT_UNTRACKED_IN_THE_WAY: {
    title: 'Untracked files are in the way of the wanted commit.',
    why: 'they would be overwritten',
    remedy: 'move them away, then run the command again',
  },
  CHECKOUT_TREE_HALF_WRITTEN: {
    title: 'An interrupted check-out left files that are neither the old nor the new ones.',
    why: 'either git was killed while it wrote them, or they were edited since',
    remedy:
      'save your changes, discard the rest with git checkout -f HEAD in the folder, then run the command again',
  },
  CHECKOUT_TREE_NOT_CLEAN: {
    severity: 'warning',
    title: 'git sees changes in the fresh source tree.',
    why: 'some files cannot be written here as they are recorded: names that differ only in case, or filters that are not installed',
    remedy:
      'check out to a file system that tells upper from lower case, and install the filters (such as git-lfs)',
  },
})

export interface TreeRequest {
  readonly git: Git
  readonly folder: string
  readonly target: Target
  /** The folder was empty before: there is nothing in it that git does not have. */
  readonly isNew: boolean
  /** An earlier run was killed while it wrote files: those of these commits. */
  readonly halfWritten: readonly string[] | undefined
  readonly call: GitCall
}

/**
 * Checks out the target, whose commits are there.
 *
 * @throws BringupError CHECKOUT_BRANCH_DIVERGED, CHECKOUT_UNTRACKED_IN_THE_WAY, CHECKOUT_TREE_HALF_WRITTEN, or one of git-failure's
 */
export async function checkOutTree(request: TreeRequest): Promise<void> {
  const { git, folder, target, isNew, halfWritten, call } = request
  if (halfWritten !== undefined && !isNew) await requireNoEdits(git, folder, halfWritten)
  // What a killed git has written may be written again.
  const force = isNew || halfWritten !== undefined ? ['--force'] : []
  const args = [...force, '--progress', '--no-recurse-submodules', ...(await destination(request)), '--']
  const result = await git.run(['checkout', ...args], { ...call, cwd: folder })
  if (result.exitCode === 0) return
  const untracked =
    /untracked working tree files would be (?:overwritten|removed)[^\n]*\n((?:\t[^\n]*\n?)+)/.exec(
      result.stderr,
    )
  if (untracked?.[1])
    throw new BringupError([
      problems.CHECKOUT_UNTRACKED_IN_THE_WAY.at('', `${folder} has files of yours in the way`, {
        evidence: untracked[1].trim().split(/\n\t/).slice(0, 12),
      }),
    ])
  throw new BringupError([diagnoseFailure(result, { doing: `checking out ${target.name}` })])
}

async function destination({ git, folder, target, isNew }: TreeRequest): Promise<readonly string[]> {
  if (target.kind !== 'branch') return ['--detach', target.commit ?? target.wanted]
  const remote = `refs/remotes/origin/${target.name}`
  const local = `refs/heads/${target.name}`
  const ask = async (...args: readonly string[]) => (await git.run(args, { cwd: folder })).exitCode === 0
  const isAncestor = (a: string, b: string) => ask('merge-base', '--is-ancestor', a, b)
  if (!isNew && (await ask('rev-parse', '--verify', '--quiet', local))) {
    if (await isAncestor(remote, local)) return [target.name]
    if (!(await isAncestor(local, remote)))
      throw new BringupError([
        problems.CHECKOUT_BRANCH_DIVERGED.at('', `branch "${target.name}" and the server’s have parted`),
      ])
  }
  return ['-B', target.name, '--track', `origin/${target.name}`]
}

/** After a kill every file belongs to one of those commits, unless it was edited or is half written. */
async function requireNoEdits(git: Git, folder: string, commits: readonly string[]): Promise<void> {
  const differing = await Promise.all(
    commits.map(async (commit) => {
      const { stdout } = await git.run(
        ['diff', '--name-only', '-z', '--no-renames', '--ignore-submodules=all', commit, '--'],
        { cwd: folder },
      )
      return new Set(stdout.split('\0').filter((name) => name !== ''))
    }),
  )
  const [first = new Set<string>(), ...others] = differing
  // A file that one of the commits lacks differs from that one in any case.
  const doubtful = [...first].filter((name) => others.every((names) => names.has(name)))
  const edited = []
  for (const name of doubtful) if (await isEdited(git, folder, name, commits)) edited.push(name)
  if (edited.length === 0) return
  throw new BringupError([
    problems.CHECKOUT_TREE_HALF_WRITTEN.at('', `${edited.length} in ${folder}`, {
      evidence: edited.slice(0, 12),
    }),
  ])
}

/** An absent file is not an edit. */
async function isEdited(
  git: Git,
  folder: string,
  name: string,
  commits: readonly string[],
): Promise<boolean> {
  const idOf = async (...args: readonly string[]) => (await git.run(args, { cwd: folder })).stdout.trim()
  const here = await idOf('hash-object', '--', name)
  if (here === '') return false
  const recorded = await Promise.all(
    commits.map((c) => idOf('rev-parse', '--verify', '--quiet', `${c}:${name}`)),
  )
  return !recorded.includes(here)
}

/**
 * Refuses to go on where something uncommitted could be lost.
 *
 * @throws BringupError CHECKOUT_TREE_CHANGED, or one of git-failure's
 */
export async function requireClean(git: Git, folder: string): Promise<void> {
  const changed = await changedFiles(git, folder, ['--ignore-submodules=all'])
  if (changed.length === 0) return
  throw new BringupError([
    problems.CHECKOUT_TREE_CHANGED.at('', `${folder} has ${changed.length} changed`, {
      evidence: changed.slice(0, 12),
    }),
  ])
}

/** Tracked files that differ from what is checked out: `XY name`. */
export async function changedFiles(
  git: Git,
  folder: string,
  options: readonly string[] = [],
): Promise<readonly string[]> {
  const result = await git.run(['status', '--porcelain', '--untracked-files=no', ...options], { cwd: folder })
  if (result.exitCode !== 0)
    throw new BringupError([diagnoseFailure(result, { doing: `looking at ${folder}` })])
  return result.stdout.split('\n').filter((line) => line !== '')
}

/** Id of the commit that is checked out; undefined before the first. */
export async function headOf(git: Git, folder: string): Promise<string | undefined> {
  const { exitCode, stdout } = await git.run(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], {
    cwd: folder,
  })
  return exitCode === 0 ? stdout.trim() : undefined
}
