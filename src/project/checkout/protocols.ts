/** SSH or HTTPS: tries, host by host, whether SSH works, and rewrites addresses for one clone where it does not. */
import { type Diagnostic, type DiagnosticKind, defineDiagnostics } from '../../diagnostics.ts'
import type { Git } from './git.ts'
import { problems as failures, kindOfFailure } from './git-failure.ts'
import { type GitUrl, hostOf, httpsBaseOf } from './git-url.ts'

export const problems = defineDiagnostics({
  CHECKOUT_OVER_HTTPS: {
    severity: 'note',
    title: 'SSH addresses of a server are fetched by HTTPS in this clone.',
    why: 'this user has no SSH access there; no file of the source tree is changed for it',
    remedy: 'nothing; to use SSH later, register a key and run the command again with --protocol ssh',
    source: 'git-config(1), url.<base>.insteadOf, in the .git/config of the clone and its submodules',
  },
  CHECKOUT_HOST_KEY_CHANGED: {
    severity: 'warning',
    title: 'SSH is not used, since the server’s host key is another one than the one that is known.',
    why: 'another computer may intercept the connection, or the server’s key was replaced; HTTPS verifies the server by its certificate',
    remedy:
      'compare the new key with the one that the server’s operator publishes; only then: ssh-keygen -R HOST',
    source: 'ssh(1), VERIFYING HOST KEYS',
  },
})

export const PROTOCOLS = ['auto', 'ssh', 'https'] as const
/** `auto` tries; `ssh` uses SSH addresses as they are; `https` rewrites them all without trying. */
export type Protocol = (typeof PROTOCOLS)[number]

/** Addresses that begin with `from` are fetched as if they began with `to`. */
export interface Rewrite {
  readonly from: string
  readonly to: string
}

export interface Protocols {
  /** Decides about an address's host, which may take a connection; the answer holds for the whole check-out. */
  readonly settle: (url: GitUrl) => Promise<void>
  readonly rewrites: () => readonly Rewrite[]
  /** Options for git: `-c url.https://host/.insteadOf=git@host:`. They reach submodules, as a clone's own config does not. */
  readonly config: () => readonly string[]
  /** Writes the rewrites to a clone's own config, so that plain git works there afterwards; with `ssh`, takes them out. */
  readonly persist: (folder: string) => Promise<void>
  readonly notes: () => readonly Diagnostic[]
}

export interface ProtocolsRequest {
  readonly git: Git
  readonly protocol: Protocol
  readonly onTry: (host: string) => void
}

/** Longer than a slow server takes, shorter than a user's patience. */
const PROBE_MS = 20_000

/** Why SSH cannot be used, in words that follow the host's name. Failures that are not here mean that it let us in. */
const REASONS: ReadonlyMap<DiagnosticKind, string> = new Map([
  [failures.GIT_SSH_DENIED, 'no SSH key of yours is accepted there'],
  [failures.GIT_HOST_KEY_UNKNOWN, 'its SSH host key is not known here, and none is accepted unseen'],
  [failures.GIT_HOST_KEY_CHANGED, 'its SSH host key has changed'],
  [failures.GIT_HOST_UNREACHABLE, 'it cannot be reached by SSH'],
  [failures.GIT_CONNECTION_BROKEN, 'it closes SSH connections'],
  [failures.GIT_SSH_MISSING, 'there is no ssh program here'],
])

export function createProtocols({ git, protocol, onTry }: ProtocolsRequest): Protocols {
  const hosts = new Map<string, Promise<boolean>>()
  const rewrites: Rewrite[] = []
  const notes: Diagnostic[] = []
  const toHttps = async (url: GitUrl): Promise<boolean> => {
    const host = hostOf(url)
    if (protocol === 'https') return true
    onTry(host)
    const kind = await trySsh(git, url)
    const reason = kind && REASONS.get(kind)
    if (reason === undefined) return false
    notes.push(noteFor(kind, host, reason))
    return true
  }
  return {
    async settle(url) {
      if (url.kind !== 'ssh' || protocol === 'ssh') return
      const host = hostOf(url)
      const answer = hosts.get(host) ?? toHttps(url)
      hosts.set(host, answer)
      if ((await answer) && !rewrites.some((r) => r.from === url.prefix))
        rewrites.push({ from: url.prefix, to: httpsBaseOf(url) })
    },
    rewrites: () => [...rewrites],
    config: () => rewrites.flatMap(({ from, to }) => ['-c', `url.${to}.insteadOf=${from}`]),
    persist: (folder) => persist(git, folder, protocol, rewrites),
    notes: () => [...notes],
  }
}

/** Undefined when SSH lets this user in. A host key that is not known is refused even where ssh_config would take it. */
async function trySsh(git: Git, url: GitUrl): Promise<DiagnosticKind | undefined> {
  const result = await git.run(['ls-remote', '--', url.text, 'HEAD'], {
    cwd: '/',
    timeoutMs: PROBE_MS,
    sshOptions: ['StrictHostKeyChecking=yes', 'ConnectTimeout=10'],
  })
  return result.exitCode === 0 ? undefined : kindOfFailure(result)
}

function noteFor(kind: DiagnosticKind | undefined, host: string, reason: string): Diagnostic {
  const what = `${host}: ${reason}, so its repositories come by HTTPS`
  if (kind === failures.GIT_HOST_KEY_CHANGED) return problems.CHECKOUT_HOST_KEY_CHANGED.at('', what)
  if (kind !== failures.GIT_HOST_KEY_UNKNOWN) return problems.CHECKOUT_OVER_HTTPS.at('', what)
  return problems.CHECKOUT_OVER_HTTPS.at('', what, {
    remedy: `nothing; to use SSH later, connect once by hand (ssh -T ${host}), compare the fingerprint with the one that the server’s operator publishes, and run the command again with --protocol ssh`,
  })
}

async function persist(
  git: Git,
  folder: string,
  protocol: Protocol,
  rewrites: readonly Rewrite[],
): Promise<void> {
  const there = await persisted(git, folder)
  const has = (wanted: Rewrite) => there.some((r) => r.from === wanted.from && r.to === wanted.to)
  const edit = (...args: readonly string[]) => git.run(['config', '--local', ...args], { cwd: folder })
  for (const rewrite of rewrites)
    if (!has(rewrite)) await edit('--add', `url.${rewrite.to}.insteadOf`, rewrite.from)
  if (protocol !== 'ssh') return
  for (const { from, to } of there)
    await edit('--unset-all', `url.${to}.insteadOf`, `^${from.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)
}

/** The rewrites from SSH to HTTPS in a clone's own config. */
async function persisted(git: Git, folder: string): Promise<readonly Rewrite[]> {
  const { stdout } = await git.run(
    ['config', '--local', '-z', '--get-regexp', '^url\\.https://.*\\.insteadof$'],
    {
      cwd: folder,
    },
  )
  return stdout.split('\0').flatMap((entry) => {
    const [key = '', from] = entry.split('\n')
    return from === undefined || /^https?:/.test(from)
      ? []
      : [{ from, to: key.slice('url.'.length, -'.insteadof'.length) }]
  })
}
