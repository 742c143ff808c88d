/** Checks out a source tree. Checks everything that can be known in advance before the first change. */
import { resolve } from 'node:path'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { type FolderState, inspectFolder } from './folder.ts'
import { type Git, openGit } from './git.ts'
import { diagnoseFailure } from './git-failure.ts'
import { anchorUrl, displayUrl, folderNameOf, type GitUrl, isSameRepository, parseGitUrl } from './git-url.ts'
import { createProtocols } from './protocols.ts'
import { findTarget, parseRemoteRefs, type RemoteRefs, type Target } from './refs.ts'
import type { CheckoutRequest, CheckoutResult, Context } from './request.ts'
import { runStages } from './stages.ts'
import { requireClean } from './tree.ts'

export const problems = defineDiagnostics({
  CHECKOUT_URL_UNUSABLE: {
    title: 'The word is not an address of a git repository.',
    why: 'git takes https://…, ssh://…, git@host:path, git://…, file://… and folders; others could run commands',
    remedy: 'use one of those',
    source: 'git-clone(1), GIT URLS',
  },
  CHECKOUT_OTHER_SOURCE: {
    title: 'The folder is a clone of another repository.',
    why: 'two repositories in one folder would mix',
    remedy: 'name another folder',
  },
})

/** A check-out that has looked at everything and changed nothing. */
export interface PreparedCheckout extends Disposable {
  readonly folder: string
  readonly state: FolderState['kind']
  /**
   * Does it.
   *
   * @throws BringupError; what has arrived stays, and the next check-out of the same goes on with it
   */
  readonly run: () => Promise<CheckoutResult>
}

/**
 * Looks whether a check-out can be made: git, the address, the folder, the server, the ref.
 *
 * @throws BringupError with everything that is in the way; nothing was changed then
 */
export async function prepareCheckout(request: CheckoutRequest): Promise<PreparedCheckout> {
  const url = readUrl(request)
  const name = request.folder ?? folderNameOf(url)
  if (name === undefined) throw unusable(request.source.url)
  const folder = resolve(request.cwd, name)
  const state = inspectFolder(folder)
  const git = await openGit(request)
  try {
    const protocols = createProtocols({
      git,
      protocol: request.protocol,
      onTry: (host) => request.onEvent({ kind: 'phase', what: `trying SSH to ${host}` }),
    })
    await requireSameSource(git, url, folder, state)
    const wish = wishOf(request, state)
    if (wish !== 'stay' && mayHaveWork(state)) await requireClean(git, folder)
    await protocols.settle(url)
    const context = { request, git, protocols, url, folder, state }
    const found = wish === 'stay' ? {} : await askServer(context, wish.ref)
    return {
      folder,
      state: state.kind,
      run: () => runStages({ ...context, ...found }),
      [Symbol.dispose]: git[Symbol.dispose],
    }
  } catch (error) {
    git[Symbol.dispose]()
    throw error
  }
}

function readUrl({ source, cwd }: CheckoutRequest): GitUrl {
  const url = parseGitUrl(source.url)
  if (url === undefined) throw unusable(source.url)
  return anchorUrl(url, cwd)
}

function unusable(text: string): BringupError {
  return new BringupError([problems.CHECKOUT_URL_UNUSABLE.at('', `"${text}" cannot be cloned`)])
}

async function requireSameSource(git: Git, url: GitUrl, folder: string, state: FolderState): Promise<void> {
  if (state.kind === 'absent' || state.kind === 'empty') return
  const { stdout } = await git.run(['config', '--local', '--get', 'remote.origin.url'], { cwd: folder })
  const text = state.kind === 'unfinished' ? state.marker.url : stdout.trim()
  const there = parseGitUrl(text)
  if (there && isSameRepository(anchorUrl(there, folder), url)) return
  const what = `${folder} is ${state.kind === 'unfinished' ? 'an unfinished check-out' : 'a clone'} of ${there ? displayUrl(there) : text || 'nothing'}`
  throw new BringupError([problems.CHECKOUT_OTHER_SOURCE.at('', what)])
}

/** An existing clone moves only when it is told where to; an unfinished one goes where it was going. */
function wishOf({ ref, source }: CheckoutRequest, state: FolderState): 'stay' | { readonly ref?: string } {
  if (ref !== undefined) return { ref }
  if (state.kind === 'clone') return 'stay'
  if (state.kind !== 'unfinished') return source.ref === undefined ? {} : { ref: source.ref }
  if (state.marker.stage === 'submodules') return 'stay'
  return state.marker.ref === undefined ? {} : { ref: state.marker.ref }
}

/** Whether files could be the user's: after all of them were written, or before any was. */
function mayHaveWork(state: FolderState): boolean {
  if (state.kind !== 'unfinished') return state.kind === 'clone'
  const { stage, isNew } = state.marker
  return stage === 'submodules' || (stage === 'fetch' && !isNew)
}

async function askServer(
  { request, git, protocols, url }: Omit<Context, 'target' | 'refs'>,
  ref: string | undefined,
): Promise<{ readonly refs: RemoteRefs; readonly target: Target }> {
  request.onEvent({ kind: 'phase', what: `asking ${displayUrl(url)} what it has` })
  const result = await git.run(['ls-remote', '--symref', '--', url.text], {
    cwd: '/',
    config: protocols.config(),
  })
  if (result.exitCode !== 0)
    throw new BringupError([diagnoseFailure(result, { url, doing: 'asking' }), ...protocols.notes()])
  const refs = parseRemoteRefs(result.stdout)
  return { refs, target: findTarget(refs, ref, request.depth !== undefined) }
}
