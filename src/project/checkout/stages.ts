/** The stages of a check-out, each of which the next run can go on from: history, files, submodules, proof. */
import { basename } from 'node:path'
import { BringupError, type Diagnostic } from '../../diagnostics.ts'
import { commitOf, fetchTarget, historyRequest, initRepository } from './fetch-target.ts'
import { hasHistory, lockFolder, makeFolder, sweepLeftovers, unmakeFolder } from './folder.ts'
import type { Git } from './git.ts'
import { problems as failures } from './git-failure.ts'
import { displayUrl } from './git-url.ts'
import { fetchNews } from './history.ts'
import { type Mark, type Marker, removeMarker, writeMarker } from './marker.ts'
import type { Target } from './refs.ts'
import { type CheckoutResult, type Context, callFor } from './request.ts'
import { updateSubmodules } from './submodules.ts'
import { changedFiles, checkOutTree, headOf, problems as treeProblems } from './tree.ts'

/** Does what was prepared; what has arrived when it fails stays, and the next run goes on with it. */
export async function runStages(context: Context): Promise<CheckoutResult> {
  const { folder, state } = context
  const made = state.kind === 'absent' || state.kind === 'empty' ? makeFolder(folder) : undefined
  await using _lock = await lockFolder(folder)
  const marker = await firstMarker(context, made)
  try {
    if (state.kind === 'unfinished') sweepLeftovers(folder)
    writeMarker(folder, marker)
    return await goThroughStages(context, marker)
  } catch (error) {
    if (marker.isNew && !hasHistory(folder)) unmakeFolder(folder, marker.made)
    throw explained(error, context)
  }
}

async function firstMarker(
  { state, url, request, git, folder, target }: Context,
  made?: string,
): Promise<Marker> {
  const asked = request.ref === undefined ? {} : { ref: request.ref }
  const common = { url: displayUrl(url), hasBroken: false }
  if (state.kind === 'unfinished' && state.marker.stage !== 'submodules') return { ...state.marker, ...asked }
  if (state.kind === 'clone' || state.kind === 'unfinished') {
    // Its files are complete, so the user may have edited some.
    const from = await headOf(git, folder)
    const stage = target === undefined ? 'submodules' : 'fetch'
    return { ...common, ...asked, stage, isNew: false, ...(from === undefined ? {} : { from }) }
  }
  const ref = request.source.ref === undefined ? {} : { ref: request.source.ref }
  return { ...common, ...ref, ...asked, stage: 'fetch', isNew: true, ...(made === undefined ? {} : { made }) }
}

/** bringup's own files need space too; and why a server was asked by HTTPS helps to see why that failed. */
function explained(error: unknown, { folder, protocols }: Context): unknown {
  if (error instanceof BringupError)
    return new BringupError([...error.diagnostics, ...protocols.notes()], { cause: error })
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new BringupError([failures.GIT_NO_SPACE.at('', `${folder}: ${message}`)], { cause: error })
    : error
}

async function goThroughStages(context: Context, first: Marker): Promise<CheckoutResult> {
  const { git, protocols, url, folder, state, target } = context
  const notes: Diagnostic[] = []
  const mark = createMark(folder, first)
  if (first.isNew && first.stage === 'fetch') await initRepository(context)
  await protocols.persist(folder)
  if (target !== undefined) await getTree(context, target, mark, notes)
  else if (state.kind === 'clone') await fetchNews(historyRequest(context, mark, notes))
  mark({ stage: 'submodules' })
  const submodules = await getSubmodules(context)
  const commit = (await headOf(git, folder)) ?? ''
  notes.push(...(await proveClean(git, folder, first)))
  const { stdout: isShallow } = await git.run(['rev-parse', '--is-shallow-repository'], { cwd: folder })
  removeMarker(folder)
  return {
    folder,
    url: displayUrl(url),
    action: actionOf(context, first.from !== commit || submodules.isChanged),
    commit,
    ref: target === undefined ? null : { kind: target.kind, name: target.name },
    isShallow: isShallow === 'true',
    submodules: submodules.done,
    rewrites: protocols.rewrites(),
    diagnostics: [...notes, ...protocols.notes(), ...submodules.diagnostics],
  }
}

function actionOf({ state }: Context, hasChanged: boolean): CheckoutResult['action'] {
  if (state.kind === 'unfinished') return 'resumed'
  if (state.kind !== 'clone') return 'cloned'
  return hasChanged ? 'updated' : 'unchanged'
}

function createMark(folder: string, first: Marker): Mark {
  let marker = first
  return (change = {}) => {
    if (Object.keys(change).length > 0) {
      marker = { ...marker, ...change }
      writeMarker(folder, marker)
    }
    return marker
  }
}

async function getTree(context: Context, target: Target, mark: Mark, notes: Diagnostic[]): Promise<void> {
  const { git, folder, state } = context
  const { stage, isNew, from, to } = mark()
  const wasWriting = state.kind === 'unfinished' && stage === 'tree' && to !== undefined
  if (!wasWriting || to !== target.commit)
    await fetchTarget(context, target, historyRequest(context, mark, notes), isNew)
  const commit = await commitOf(context, target)
  mark({ stage: 'tree', to: commit })
  const call = callFor(context, 'writing files')
  const halfWritten = wasWriting ? [from, to, commit].filter((id) => id !== undefined) : undefined
  await checkOutTree({ git, folder, isNew, target: { ...target, commit }, halfWritten, call })
}

async function getSubmodules(context: Context) {
  const { request, git, protocols, folder } = context
  if (!request.hasSubmodules) return { done: [], diagnostics: [], isChanged: false }
  const { depth, filter, jobs } = request
  return updateSubmodules(
    {
      git,
      protocols,
      jobs,
      ...(depth === undefined ? {} : { depth }),
      ...(filter === undefined ? {} : { filter }),
      callFor: (path) => callFor(context, `submodule ${path}`),
      onDone: (path, done, all) => request.onEvent({ kind: 'submodule', path, done, all }),
    },
    folder,
  )
}

/** Warned about, not refused: the commit is there all the same. */
async function proveClean(git: Git, folder: string, { isNew }: Marker): Promise<readonly Diagnostic[]> {
  const changed = await changedFiles(git, folder, isNew ? ['--untracked-files=normal'] : [])
  return changed.length === 0
    ? []
    : [
        treeProblems.CHECKOUT_TREE_NOT_CLEAN.at('', `${changed.length} in ${basename(folder)}`, {
          evidence: changed.slice(0, 12),
        }),
      ]
}
