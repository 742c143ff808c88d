/** Fetches history, so that a broken connection costs as little as possible. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { BringupError } from '../../diagnostics.ts'
import type { Git, GitCall, GitResult } from './git.ts'
import { diagnoseFailure, kindOfFailure, problems } from './git-failure.ts'
import type { GitUrl } from './git-url.ts'

export interface HistoryRequest {
  readonly git: Git
  readonly folder: string
  readonly url: GitUrl
  /** `submodules.NAME`, for diagnostics. */
  readonly path?: string
  /** The refspec of what is wanted first. */
  readonly wanted: string
  readonly depth?: number
  readonly filter?: string
  /** An earlier attempt broke: begin with pieces. */
  readonly hasBroken: boolean
  /** Told before the first retry, so that the next run knows too. */
  readonly onBroken: () => void
  /** Told when the server sends everything although a filter was asked for. */
  readonly onFilterIgnored?: () => void
  readonly call: GitCall
}

/**
 * Fetches everything the remote `origin` offers, or `depth` commits of what is wanted.
 *
 * git begins a broken transfer again from nothing. So once one breaks, the newest commit is fetched alone and the
 * history behind it in steps: each that arrives stays, doubles the next one, and each that breaks makes it smaller.
 *
 * @throws BringupError with one of git-failure's
 */
export async function fetchHistory(request: HistoryRequest): Promise<void> {
  const { depth, hasBroken, onBroken } = request
  if (depth !== undefined)
    return demand(request, ['--depth', `${depth}`, '--no-tags', 'origin', request.wanted])
  if (!hasBroken && (await shallowBorder(request)) === '') {
    const result = await fetchOnce(request, ['--tags', 'origin'])
    if (result.exitCode === 0) return
    if (!isBroken(result)) throw failed(request, result)
    onBroken()
  }
  await fetchInPieces(request)
  await demand(request, ['--tags', 'origin'])
}

async function fetchInPieces(request: HistoryRequest): Promise<void> {
  const { wanted } = request
  if ((await shallowBorder(request)) === '')
    await demand(request, ['--depth', '1', '--no-tags', 'origin', wanted])
  await deepen(request)
}

/** Completes the history of a shallow clone, step by step. */
export async function deepen(request: HistoryRequest): Promise<void> {
  let step = 1
  for (let border = await shallowBorder(request); border !== ''; ) {
    const result = await fetchOnce(request, ['--deepen', `${step}`, '--no-tags', 'origin', request.wanted])
    if (result.exitCode !== 0) {
      if (!isBroken(result) || step === 1) throw failed(request, result)
      step = Math.max(1, Math.floor(step / 4))
      continue
    }
    const next = await shallowBorder(request)
    // The server's own history ends there.
    if (next === border) return
    border = next
    step *= 2
  }
}

/** Fetches what is new for a clone that is there, without making its history shorter. */
export async function fetchNews(request: HistoryRequest): Promise<void> {
  const isShallow = (await shallowBorder(request)) !== ''
  const depth = isShallow && request.depth !== undefined ? ['--depth', `${request.depth}`] : []
  await demand(request, [...depth, 'origin', ...(request.wanted === '' ? [] : [request.wanted])])
}

/** The commits whose parents are not here; empty when the history is complete. */
async function shallowBorder({ git, folder }: HistoryRequest): Promise<string> {
  const { stdout } = await git.run(['rev-parse', '--git-path', 'shallow'], { cwd: folder })
  try {
    return readFileSync(resolve(folder, stdout), 'utf8')
  } catch {
    return ''
  }
}

async function demand(request: HistoryRequest, args: readonly string[]): Promise<void> {
  const result = await fetchOnce(request, args)
  if (result.exitCode !== 0) throw failed(request, result)
}

async function fetchOnce(request: HistoryRequest, args: readonly string[]): Promise<GitResult> {
  const { git, folder, filter, call } = request
  const result = await git.run(
    [
      'fetch',
      '--progress',
      '--no-recurse-submodules',
      ...(filter === undefined ? [] : [`--filter=${filter}`]),
      ...args,
    ],
    {
      ...call,
      cwd: folder,
      // A collection of garbage in the background would outlive the check-out.
      config: ['-c', 'gc.auto=0', '-c', 'maintenance.auto=false', ...(call.config ?? [])],
    },
  )
  if (/filtering not recognized by server/.test(result.stderr)) request.onFilterIgnored?.()
  return result
}

function isBroken(result: GitResult): boolean {
  return kindOfFailure(result) === problems.GIT_CONNECTION_BROKEN
}

function failed({ url, path }: HistoryRequest, result: GitResult): BringupError {
  return new BringupError([
    diagnoseFailure(result, { url, doing: 'fetching', ...(path === undefined ? {} : { path }) }),
  ])
}
