/** Request, progress events and result of a check-out. */
import type { Diagnostic } from '../../diagnostics.ts'
import type { Source } from '../profile.ts'
import type { FolderState } from './folder.ts'
import type { Git, GitCall } from './git.ts'
import type { GitProgress } from './git-progress.ts'
import type { GitUrl } from './git-url.ts'
import type { Protocol, Protocols, Rewrite } from './protocols.ts'
import type { RemoteRefs, Target } from './refs.ts'
import type { FetchedSubmodule } from './submodules.ts'

/** What is going on, for people. */
export type CheckoutEvent =
  | { readonly kind: 'phase'; readonly what: string }
  | { readonly kind: 'progress'; readonly what: string; readonly progress: GitProgress }
  | { readonly kind: 'submodule'; readonly path: string; readonly done: number; readonly all: number }

export interface CheckoutRequest {
  readonly source: Source
  /** Where the tree goes; named after the repository when absent. */
  readonly folder?: string
  /** Branch, tag or commit; before the source's own. */
  readonly ref?: string
  readonly protocol: Protocol
  /** How many commits of history; all when absent. */
  readonly depth?: number
  /** A filter of git rev-list: `blob:none` fetches file contents when they are needed. */
  readonly filter?: string
  readonly hasSubmodules: boolean
  /** Submodules fetched at a time. */
  readonly jobs: number
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  readonly onEvent: (event: CheckoutEvent) => void
}

export interface CheckoutResult {
  readonly folder: string
  readonly url: string
  /** `cloned` and `resumed` made it, `updated` moved it to another commit, `unchanged` found it right. */
  readonly action: 'cloned' | 'resumed' | 'updated' | 'unchanged'
  readonly commit: string
  /** What was asked for; null where an existing clone was left on what it had. */
  readonly ref: { readonly kind: Target['kind']; readonly name: string } | null
  readonly isShallow: boolean
  readonly submodules: readonly FetchedSubmodule[]
  /** Addresses that are fetched by HTTPS in this clone. */
  readonly rewrites: readonly Rewrite[]
  readonly diagnostics: readonly Diagnostic[]
}

/** Everything that is known once the looking is done. */
export interface Context {
  readonly request: CheckoutRequest
  readonly git: Git
  readonly protocols: Protocols
  readonly url: GitUrl
  readonly folder: string
  readonly state: FolderState
  /** Absent where an existing clone stays on what it has. */
  readonly refs?: RemoteRefs
  readonly target?: Target
}

/** Options of one call of git that takes time. */
export function callFor({ request, protocols }: Context, what: string): GitCall {
  request.onEvent({ kind: 'phase', what })
  return {
    config: protocols.config(),
    onProgress: (progress) => request.onEvent({ kind: 'progress', what, progress }),
  }
}
