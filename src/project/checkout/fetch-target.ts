/** Fetches the commit that is wanted, into a new clone or one that is there. */
import { BringupError, type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import type { Git } from './git.ts'
import { diagnoseFailure, problems as failures, kindOfFailure } from './git-failure.ts'
import { displayUrl } from './git-url.ts'
import { fetchHistory, fetchNews, type HistoryRequest } from './history.ts'
import type { Mark } from './marker.ts'
import { type Target, unknownRef } from './refs.ts'
import { type Context, callFor } from './request.ts'

export const problems = defineDiagnostics({
  CHECKOUT_FILTER_IGNORED: {
    severity: 'note',
    title: 'The server does not do partial clones.',
    why: 'all file contents were fetched',
    remedy: 'nothing; --depth 1 is an alternative that every server knows',
    source: 'git-config(1), uploadpack.allowFilter',
  },
})

export function historyRequest(context: Context, mark: Mark, notes: Diagnostic[]): HistoryRequest {
  const { request, git, folder, url, target } = context
  const { isNew, hasBroken } = mark()
  const ignored = problems.CHECKOUT_FILTER_IGNORED.at('', `${displayUrl(url)} sent whole files`)
  return {
    git,
    folder,
    url,
    wanted: target === undefined ? '' : refspecOf(target, isNew),
    hasBroken,
    onBroken: () => {
      mark({ hasBroken: true })
      request.onEvent({ kind: 'phase', what: 'the connection broke; fetching in pieces' })
    },
    onFilterIgnored: () => {
      if (!notes.includes(ignored)) notes.push(ignored)
    },
    call: callFor(context, `fetching ${displayUrl(url)}`),
    ...(request.depth === undefined ? {} : { depth: request.depth }),
    ...(request.filter === undefined || !isNew ? {} : { filter: request.filter }),
  }
}

/** What to ask for, and where to keep it. A tag of a clone that is there may be the user's own: it is left alone. */
function refspecOf({ kind, name, wanted }: Target, isNew: boolean): string {
  if (kind === 'branch') return `+${wanted}:refs/remotes/origin/${name}`
  return kind === 'tag' && isNew ? `+${wanted}:${wanted}` : wanted
}

export async function initRepository({ git, folder, url, refs, target, request }: Context): Promise<void> {
  const isSha256 = [...(refs?.commits.values() ?? [])].some((id) => id.length === 64)
  const hasBranch = target?.kind === 'branch' && request.depth !== undefined
  const branches = hasBranch ? refspecOf(target, true) : '+refs/heads/*:refs/remotes/origin/*'
  const steps = [
    ['init', '--quiet', ...(isSha256 ? ['--object-format=sha256'] : [])],
    ['config', 'remote.origin.url', url.text],
    ['config', '--replace-all', 'remote.origin.fetch', branches],
  ]
  for (const args of steps) {
    const result = await git.run(args, { cwd: folder })
    if (result.exitCode !== 0)
      throw new BringupError([diagnoseFailure(result, { doing: `preparing ${folder}` })])
  }
}

export async function fetchTarget(
  { git, folder }: Context,
  target: Target,
  history: HistoryRequest,
  isNew: boolean,
): Promise<void> {
  const isShort = target.commit === undefined
  if (isNew) return fetchHistory(isShort ? { ...history, wanted: 'HEAD' } : history)
  if (target.kind === 'branch') await coverBranch(git, folder, target)
  const has = target.kind === 'commit' && (await hasCommit(git, folder, target.wanted))
  await fetchNews(has || isShort ? { ...history, wanted: '' } : history)
}

/** A clone of one branch only has to be told of another one before it can follow it. */
async function coverBranch(git: Git, folder: string, target: Target): Promise<void> {
  const { stdout } = await git.run(['config', '--local', '--get-all', 'remote.origin.fetch'], { cwd: folder })
  const specs = stdout.split('\n').map((line) => line.replace(/^\+/, ''))
  const own = refspecOf(target, false)
  if (specs.includes('refs/heads/*:refs/remotes/origin/*') || specs.includes(own.slice(1))) return
  await git.run(['config', '--local', '--add', 'remote.origin.fetch', own], { cwd: folder })
}

async function hasCommit(git: Git, folder: string, commit: string): Promise<boolean> {
  return (await git.run(['cat-file', '-e', `${commit}^{commit}`], { cwd: folder })).exitCode === 0
}

/** The full id of what was fetched. A commit that no branch or tag leads to is requested by its id. */
export async function commitOf(
  { git, folder, refs, request, url }: Context,
  target: Target,
): Promise<string> {
  const name =
    target.kind === 'branch' ? `refs/remotes/origin/${target.name}` : (target.commit ?? target.wanted)
  const resolved = async () => {
    const { exitCode, stdout } = await git.run(['rev-parse', '--verify', '--quiet', `${name}^{commit}`], {
      cwd: folder,
    })
    return exitCode === 0 && stdout !== '' && (await hasCommit(git, folder, stdout)) ? stdout : undefined
  }
  const found = await resolved()
  if (found !== undefined) return found
  if (target.commit !== undefined) {
    const result = await git.run(['fetch', '--no-tags', 'origin', target.wanted], { cwd: folder })
    const asked = await resolved()
    if (asked !== undefined) return asked
    if (kindOfFailure(result) === failures.GIT_CONNECTION_BROKEN)
      throw new BringupError([diagnoseFailure(result, { url, doing: 'fetching' })])
  }
  throw unknownRef(refs ?? { commits: new Map() }, request.ref ?? target.name)
}
