/** Gets submodules at their recorded commits, level by level, and tells all that went wrong, not the first. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { type Git, type GitCall, type GitResult, isAtLeast } from './git.ts'
import { diagnoseFailure, problems as failures, kindOfFailure } from './git-failure.ts'
import { displayUrl, type GitUrl, parseGitUrl } from './git-url.ts'
import { deepen } from './history.ts'
import type { Protocols } from './protocols.ts'
import { leadsThroughLink, registerSubmodules, type Submodule } from './submodule-list.ts'
import { changedFiles, headOf } from './tree.ts'

export const problems = defineDiagnostics({
  SUBMODULE_NOT_DECLARED: {
    title: 'The tree records a submodule, but git knows no address of it.',
    why: '`.gitmodules` does not declare it, or what it declares could harm this computer and git has ignored it',
    remedy:
      'ask the source tree’s maintainers to declare it in .gitmodules, or go on without: --no-submodules',
    source: 'gitmodules(5)',
  },
  SUBMODULE_COMMIT_GONE: {
    title: 'The server of a submodule does not have the recorded commit.',
    why: 'it was never pushed there, or its branch was rewritten since',
    remedy:
      'check out another --ref of the source tree, or ask its maintainers; to go on with what the server has: git fetch origin BRANCH && git checkout FETCH_HEAD in the submodule',
  },
  SUBMODULE_CHANGED: {
    title: 'A submodule has changes or commits of its own.',
    why: 'checking out the recorded commit could lose them',
    remedy:
      'commit them on a branch in the submodule (git switch -c NAME), or put them aside with git stash, then run the command again',
  },
  SUBMODULE_URL_CHANGED: {
    severity: 'note',
    title: 'A submodule comes from another address than before.',
    why: '`.gitmodules` names another one now, and this clone follows it',
    remedy: 'nothing; if the old one was set by hand: git config submodule.NAME.url URL',
    source: 'git-submodule(1), sync',
  },
  SUBMODULE_LEADS_OUTSIDE: {
    title: 'The path of a submodule goes through a symbolic link.',
    why: 'files would be written outside of the source tree',
    remedy: 'do not use this source tree; inform its maintainers',
    source: 'CVE-2024-32002',
  },
})

export interface FetchedSubmodule {
  /** Relative to the source tree. */
  readonly path: string
  readonly name: string
  readonly url: string
  readonly commit: string
}

export interface SubmodulesRequest {
  readonly git: Git
  readonly protocols: Protocols
  readonly depth?: number
  readonly filter?: string
  /** How many at a time. */
  readonly jobs: number
  readonly callFor: (path: string) => GitCall
  /** Told when one is complete. */
  readonly onDone: (path: string, done: number, all: number) => void
}

interface Gathered {
  readonly done: FetchedSubmodule[]
  /** Whether any of them was not there before, or at another commit. */
  isChanged: boolean
  readonly diagnostics: Diagnostic[]
}

/**
 * Gets the submodules of a tree and those within them.
 *
 * @throws BringupError with every submodule that failed
 */
export async function updateSubmodules(request: SubmodulesRequest, folder: string): Promise<Gathered> {
  const gathered: Gathered = { isChanged: false, done: [], diagnostics: [] }
  await updateLevel(request, folder, '', gathered)
  if (gathered.diagnostics.some((d) => d.severity === 'error')) throw new BringupError(gathered.diagnostics)
  return gathered
}

async function updateLevel(
  request: SubmodulesRequest,
  folder: string,
  prefix: string,
  gathered: Gathered,
): Promise<void> {
  const { git, protocols, jobs } = request
  const all = await registerSubmodules(git, folder, { config: protocols.config() })
  const wanted = all.filter((s) => !s.isUnwanted)
  for (const { url } of wanted) {
    const parsed = url === undefined ? undefined : parseGitUrl(url)
    if (parsed) await protocols.settle(parsed)
  }
  await protocols.persist(folder)
  let done = 0
  await eachAtMost(jobs, wanted, async (submodule) => {
    const path = `${prefix}${submodule.path}`
    if (!(await isAtCommit(git, folder, submodule))) gathered.isChanged = true
    const problem = await updateOne(request, folder, submodule, path)
    gathered.diagnostics.push(...changedUrl(submodule, path))
    if (problem) return void gathered.diagnostics.push(problem)
    const { name, url = '', commit } = submodule
    gathered.done.push({ path, name, url: shown(url), commit })
    request.onDone(path, ++done, wanted.length)
  })
  for (const { path } of wanted) {
    const inner = join(folder, path)
    if (!gathered.done.some((d) => d.path === `${prefix}${path}`)) continue
    await protocols.persist(inner)
    if (existsSync(join(inner, '.gitmodules')))
      await updateLevel(request, inner, `${prefix}${path}/`, gathered)
  }
}

function changedUrl({ name, url, oldUrl }: Submodule, path: string): readonly Diagnostic[] {
  if (oldUrl === undefined || url === undefined) return []
  const what = `${path} comes from ${shown(url)} now, not from ${shown(oldUrl)}`
  return [problems.SUBMODULE_URL_CHANGED.at(`submodules.${name}`, what)]
}

function shown(text: string): string {
  const url = parseGitUrl(text)
  return url ? displayUrl(url) : text
}

/** Undefined when it is there, at its commit. */
async function updateOne(
  request: SubmodulesRequest,
  folder: string,
  submodule: Submodule,
  shownPath: string,
): Promise<Diagnostic | undefined> {
  const { git } = request
  const at = `submodules.${submodule.name}`
  const url = submodule.url === undefined ? undefined : parseGitUrl(submodule.url)
  if (url === undefined) return problems.SUBMODULE_NOT_DECLARED.at(at, `${shownPath} has no usable address`)
  if (leadsThroughLink(folder, submodule.path))
    return problems.SUBMODULE_LEADS_OUTSIDE.at(at, `${shownPath} goes through a symbolic link`)
  const inner = join(folder, submodule.path)
  if (await isAtCommit(git, folder, submodule)) return complete(request, inner, submodule, url, shownPath)
  if (existsSync(join(inner, '.git'))) {
    const changed = await ownWork(git, inner)
    if (changed.length > 0)
      return problems.SUBMODULE_CHANGED.at(at, `${shownPath} has work of yours`, {
        evidence: changed.slice(0, 12),
      })
  }
  const result = await fetchOne(request, folder, submodule, shownPath)
  if (result.exitCode === 0) return complete(request, inner, submodule, url, shownPath)
  if (isGone(result)) return gone(request, inner, submodule, shownPath)
  return diagnoseFailure(result, { url, path: at, doing: `fetching ${shownPath} from` })
}

/** Without a `.git` of its own, git would look at the tree around it. */
async function isAtCommit(git: Git, folder: string, { path, commit }: Submodule): Promise<boolean> {
  const inner = join(folder, path)
  return existsSync(join(inner, '.git')) && (await headOf(git, inner)) === commit
}

/** In the submodule's own config: its history came in pieces, and not all of them have come yet. */
const IN_PIECES = 'bringup.inPieces'

/** Fetches the rest of a history that comes in pieces; an earlier run may have begun it. */
async function complete(
  { git, protocols, callFor }: SubmodulesRequest,
  inner: string,
  { name, commit }: Submodule,
  url: GitUrl,
  shownPath: string,
): Promise<Diagnostic | undefined> {
  const config = (...args: readonly string[]) => git.run(['config', '--local', ...args], { cwd: inner })
  if ((await config('--get', IN_PIECES)).exitCode !== 0) return undefined
  const call = { ...callFor(shownPath), config: protocols.config() }
  const path = `submodules.${name}`
  try {
    await deepen({ git, folder: inner, url, path, wanted: commit, hasBroken: true, onBroken: () => {}, call })
  } catch (error) {
    if (error instanceof BringupError) return error.diagnostics[0]
    throw error
  }
  await config('--unset-all', IN_PIECES)
  return undefined
}

/** Changed files, and commits that no branch or tag would keep. */
async function ownWork(git: Git, inner: string): Promise<readonly string[]> {
  if ((await headOf(git, inner)) === undefined) return []
  const { stdout } = await git.run(
    ['log', '--oneline', '--max-count=12', 'HEAD', '--not', '--branches', '--tags', '--remotes'],
    { cwd: inner },
  )
  return [...(await changedFiles(git, inner)), ...stdout.split('\n').filter((line) => line !== '')]
}

async function fetchOne(
  request: SubmodulesRequest,
  folder: string,
  submodule: Submodule,
  shownPath: string,
): Promise<GitResult> {
  const { git, depth } = request
  const inner = join(folder, submodule.path)
  const call = request.callFor(shownPath)
  const update = (more: readonly string[]) => gitUpdate(request, folder, submodule, shownPath, more)
  const result = await update(depth === undefined ? [] : ['--depth', `${depth}`])
  if (result.exitCode === 0) return result
  // A shallow clone of a server that hands out tips only: the commit lies further back.
  if (isGone(result) && depth !== undefined) {
    const whole = await git.run(['fetch', '--unshallow', 'origin'], { ...call, cwd: inner })
    return whole.exitCode === 0 ? update([]) : result
  }
  if (depth !== undefined || kindOfFailure(result) !== failures.GIT_CONNECTION_BROKEN) return result
  const tip = await update(['--depth', '1'])
  if (tip.exitCode === 0) await git.run(['config', '--local', IN_PIECES, 'true'], { cwd: inner })
  return tip
}

function gitUpdate(
  { git, filter, protocols, callFor }: SubmodulesRequest,
  folder: string,
  { path }: Submodule,
  shownPath: string,
  more: readonly string[],
): Promise<GitResult> {
  // git-submodule knows --filter since 2.36; before, whole submodules come.
  const filters =
    filter !== undefined && isAtLeast(git.version, [2, 36]) ? ['--init', `--filter=${filter}`] : []
  return git.run(['submodule', 'update', '--progress', ...filters, ...more, '--', path], {
    ...callFor(shownPath),
    cwd: folder,
    config: ['-c', 'gc.auto=0', '-c', 'maintenance.auto=false', ...protocols.config()],
  })
}

function isGone({ stderr }: GitResult): boolean {
  return /not our ref|did not contain [0-9a-f]+|Server does not allow request for unadvertised object|no such remote ref|bad object/.test(
    stderr,
  )
}

async function gone(
  { git, protocols }: SubmodulesRequest,
  inner: string,
  { name, commit, url = '' }: Submodule,
  shownPath: string,
): Promise<Diagnostic> {
  const { stdout } = await git.run(['ls-remote', '--heads', 'origin'], {
    cwd: inner,
    config: protocols.config(),
  })
  const branches = stdout.split('\n').flatMap((line) => {
    const found = /^([0-9a-f]+)\trefs\/heads\/(.+)$/.exec(line)
    return found ? [`${found[1]?.slice(0, 12)}  ${found[2]}`] : []
  })
  const what = `${shownPath} is recorded at ${commit}, which ${shown(url)} does not have; its branches are below`
  return problems.SUBMODULE_COMMIT_GONE.at(`submodules.${name}`, what, {
    evidence: branches.length > 0 ? branches.slice(0, 20) : ['(none)'],
  })
}

/** Runs `act` over all items, at most `limit` at a time. */
async function eachAtMost<T>(
  limit: number,
  items: readonly T[],
  act: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items]
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(item)
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
}
