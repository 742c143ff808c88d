/** What a server offers, and which of it is meant by a ref. */
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { nearest } from '../../nearest.ts'

export const problems = defineDiagnostics({
  CHECKOUT_REF_UNKNOWN: {
    title: 'The server has no branch, tag or commit of that name.',
    why: 'only what the server has can be checked out',
    remedy: 'name a branch, a tag or a full commit id; git ls-remote URL lists branches and tags',
  },
  CHECKOUT_REF_SHORT: {
    title: 'A shortened commit id together with --depth.',
    why: 'a server finds commits by their full ids only, and a shallow clone has too few to look them up here',
    remedy: 'give all 40 (or 64) digits, or omit --depth',
  },
  CHECKOUT_EMPTY_REPOSITORY: {
    title: 'The repository has no commits.',
    why: 'there is nothing to check out',
    remedy: 'check the address, or push something there first',
  },
})

export interface RemoteRefs {
  /** The default branch; absent when the server's HEAD is on none. */
  readonly defaultBranch?: string
  /** Commit of HEAD. */
  readonly head?: string
  /** Commits by full name; those of annotated tags, not the tags' own ids. */
  readonly commits: ReadonlyMap<string, string>
}

export interface Target {
  readonly kind: 'branch' | 'tag' | 'commit'
  /** Name without `refs/heads/` or `refs/tags/`; of a commit, what was asked for. */
  readonly name: string
  /** Absent for a shortened commit id until the history is there. */
  readonly commit?: string
  /** What to ask the server for: a full ref name or commit id. */
  readonly wanted: string
}

/** Reads `git ls-remote --symref`. */
export function parseRemoteRefs(text: string): RemoteRefs {
  const commits = new Map<string, string>()
  let defaultBranch: string | undefined
  for (const line of text.split('\n')) {
    const symbolic = /^ref: refs\/heads\/(.+)\tHEAD$/.exec(line)
    if (symbolic) defaultBranch = symbolic[1]
    const found = /^([0-9a-f]{40,64})\t(.+?)(?:\^\{\})?$/.exec(line)
    if (found?.[1] && found[2]) commits.set(found[2], found[1])
  }
  const head = commits.get('HEAD')
  // HEAD may name a branch that does not exist yet; then it has no commit.
  const isThere = defaultBranch !== undefined && commits.has(`refs/heads/${defaultBranch}`)
  return {
    commits,
    ...(isThere && defaultBranch !== undefined ? { defaultBranch } : {}),
    ...(head === undefined ? {} : { head }),
  }
}

/**
 * What `ref` means: a branch before a tag before a commit id; without it, the default branch.
 *
 * @throws BringupError CHECKOUT_REF_UNKNOWN, CHECKOUT_REF_SHORT, CHECKOUT_EMPTY_REPOSITORY
 */
export function findTarget(refs: RemoteRefs, ref: string | undefined, isShallow: boolean): Target {
  if (refs.commits.size === 0)
    throw new BringupError([problems.CHECKOUT_EMPTY_REPOSITORY.at('', 'the server has no branch and no tag')])
  if (ref === undefined) return defaultTarget(refs)
  const named = namedTarget(refs, ref)
  if (named) return named
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(ref))
    return { kind: 'commit', name: ref, commit: ref, wanted: ref }
  if (!/^[0-9a-f]{4,63}$/.test(ref)) throw unknownRef(refs, ref)
  if (isShallow)
    throw new BringupError([problems.CHECKOUT_REF_SHORT.at('', `"${ref}" is a shortened commit id`)])
  return { kind: 'commit', name: ref, wanted: ref }
}

function defaultTarget(refs: RemoteRefs): Target {
  if (refs.defaultBranch !== undefined) {
    const found = namedTarget(refs, refs.defaultBranch)
    if (found) return found
  }
  if (refs.head !== undefined) return { kind: 'commit', name: 'HEAD', commit: refs.head, wanted: refs.head }
  const { defaultBranch: _, ...others } = refs
  throw new BringupError([
    problems.CHECKOUT_REF_UNKNOWN.at('', 'the server’s default branch does not exist', {
      remedy: `name one with --ref${suggestion(namesOf(others).slice(0, 3))}`,
    }),
  ])
}

function namedTarget({ commits }: RemoteRefs, ref: string): Target | undefined {
  for (const [kind, prefix] of [
    ['branch', 'refs/heads/'],
    ['tag', 'refs/tags/'],
  ] as const) {
    const wanted = ref.startsWith(prefix)
      ? ref
      : `${prefix}${ref.replace(/^origin\//, kind === 'branch' ? '' : '$&')}`
    const commit = commits.get(wanted)
    if (commit !== undefined) return { kind, name: wanted.slice(prefix.length), commit, wanted }
  }
  const commit = ref.startsWith('refs/') ? commits.get(ref) : undefined
  return commit === undefined ? undefined : { kind: 'commit', name: ref, commit, wanted: ref }
}

/** The error for a ref that is not there, with names that are nearly like it. */
export function unknownRef(refs: RemoteRefs, ref: string): BringupError {
  const names = namesOf(refs)
  const near = nearest(ref, names)
  const alike = names.filter((name) => name.toLowerCase().includes(ref.toLowerCase()))
  const offered = [...new Set([...(near === undefined ? [] : [near]), ...alike])].slice(0, 3)
  const remedy =
    offered.length > 0
      ? `did you mean ${offered.join(', or ')}?`
      : `use one that is there${suggestion(names.slice(0, 3))}, or a full commit id`
  return new BringupError([problems.CHECKOUT_REF_UNKNOWN.at('', `there is no "${ref}"`, { remedy })])
}

function suggestion(names: readonly string[]): string {
  return names.length === 0 ? '' : `, such as ${names.join(', ')}`
}

/** Branches first. */
function namesOf({ commits }: RemoteRefs): readonly string[] {
  const named = (prefix: string) =>
    [...commits.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  return [...new Set([...named('refs/heads/'), ...named('refs/tags/')])]
}
