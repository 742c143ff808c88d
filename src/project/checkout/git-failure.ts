/** Turns git's error output (under LC_ALL=C) into a diagnostic with a remedy. */
import { type Diagnostic, type DiagnosticKind, defineDiagnostics } from '../../diagnostics.ts'
import { quoteCommand } from '../../quote.ts'
import type { GitResult } from './git.ts'
import { displayUrl, type GitUrl, hostOf } from './git-url.ts'

export const problems = defineDiagnostics({
  GIT_NO_SPACE: {
    title: 'The file system is full.',
    why: 'git could not write what it received',
    remedy:
      'free space or check out elsewhere, then run the same command again: it continues where it stopped; --depth 1 or --filter blob:none needs much less',
  },
  GIT_HOST_KEY_CHANGED: {
    title: 'The SSH host key of a server has changed.',
    why: 'another computer may intercept the connection, or the server’s key was replaced',
    remedy:
      'compare the new key with the one that the server’s operator publishes; only then remove the old one: ssh-keygen -R HOST',
    source: 'ssh(1), VERIFYING HOST KEYS',
  },
  GIT_HOST_KEY_UNKNOWN: {
    title: 'The SSH host key of a server is unknown.',
    why: 'bringup never accepts a key by itself: the first connection is the one that can be forged',
    remedy:
      'connect once by hand (ssh -T HOST) and compare the fingerprint with the one that the server’s operator publishes; or use --protocol https',
    source: 'ssh(1), VERIFYING HOST KEYS',
  },
  GIT_SSH_DENIED: {
    title: 'An SSH server accepts no key of this user.',
    why: 'the address is an SSH one, and only a registered key opens it',
    remedy:
      'load your key (ssh-add) and register its public half with the server, or use --protocol https; a key with a passphrase needs an agent, because bringup does not prompt for it',
  },
  GIT_SSH_MISSING: {
    title: 'ssh is not installed.',
    why: 'git runs ssh for SSH addresses',
    remedy: 'install it (Debian, Ubuntu: apt install openssh-client), or use --protocol https',
  },
  GIT_AUTH_REQUIRED: {
    title: 'A server requires a user name and password, or refused them.',
    why: 'the repository is private or does not exist; most servers do not distinguish the two',
    remedy:
      'check the address; store an access token with a git credential helper (git help credentials), or use the SSH address with a registered key',
  },
  GIT_CERTIFICATE: {
    title: 'The certificate of an HTTPS server could not be verified.',
    why: 'without it the server is not authenticated',
    remedy:
      'install ca-certificates and set the clock; for a server with a certificate of its own, git config --global http.https://HOST/.sslCAInfo FILE',
  },
  GIT_HOST_UNREACHABLE: {
    title: 'A server could not be reached.',
    why: 'its name does not resolve, nothing listens there, or a firewall blocks the connection',
    remedy:
      'check the address and the network; behind a proxy set https_proxy, and where port 22 is closed use --protocol https',
  },
  GIT_CONNECTION_BROKEN: {
    title: 'The connection broke, or no data came for a minute.',
    why: 'git discards an incomplete transfer',
    remedy:
      'run the same command again: it continues with the data that arrived, in smaller pieces if the connection is bad',
  },
  GIT_NOT_A_REPOSITORY: {
    title: 'There is no git repository at that address.',
    why: 'the server answered with something else',
    remedy: 'check the address; of a web page of a repository, use the one under “clone”',
  },
  GIT_FILE_REFUSED: {
    title: 'A submodule’s address is a folder of this computer, which git refuses for submodules.',
    why: 'a repository could otherwise read other repositories of yours (CVE-2022-39253)',
    remedy: 'if you trust that repository: git config --global protocol.file.allow always',
    source: 'git-config(1), protocol.allow',
  },
  GIT_FOREIGN_FOLDER: {
    title: 'The folder belongs to another user.',
    why: 'git runs programs from a repository’s configuration, and therefore refuses repositories of other users',
    remedy: 'run as its owner, or trust it: git config --global --add safe.directory FOLDER',
    source: 'git-config(1), safe.directory',
  },
  GIT_FAILED: {
    title: 'git failed for a reason that bringup does not know.',
    why: 'git’s output is below',
    remedy: 'fix the error, then run the same command again',
  },
})

/** The first that fits counts: later ones often follow from earlier ones. */
const PATTERNS: readonly (readonly [DiagnosticKind, RegExp])[] = [
  [problems.GIT_NO_SPACE, /No space left on device|Disk quota exceeded/],
  [problems.GIT_HOST_KEY_CHANGED, /REMOTE HOST IDENTIFICATION HAS CHANGED/],
  [problems.GIT_HOST_KEY_UNKNOWN, /Host key verification failed|No \S+ host key is known/],
  [problems.GIT_SSH_DENIED, /Permission denied \([\w,-]*(publickey|password|keyboard-interactive)/],
  [problems.GIT_SSH_MISSING, /cannot run ssh|error: cannot run \S*ssh\b/],
  [problems.GIT_FILE_REFUSED, /transport 'file' not allowed/],
  [problems.GIT_FOREIGN_FOLDER, /detected dubious ownership/],
  [
    problems.GIT_AUTH_REQUIRED,
    /could not read (Username|Password)|Authentication failed|HTTP Basic: Access denied|returned error: 40[13]|terminal prompts disabled/,
  ],
  [problems.GIT_CERTIFICATE, /certificate|SSL peer|gnutls_handshake|unable to get local issuer/i],
  [
    problems.GIT_HOST_UNREACHABLE,
    /Could not resolve host|unable to look up|Name or service not known|Temporary failure in name resolution|Connection refused|Failed to connect|Couldn't connect|No route to host|Network is unreachable|Connection timed out|Operation timed out|unable to connect to|from proxy after CONNECT/,
  ],
  [
    problems.GIT_CONNECTION_BROKEN,
    /early EOF|unexpected disconnect|hung up unexpectedly|Connection reset|RPC failed|transfer closed|Broken pipe|Operation too slow|Connection closed by|client_loop: send disconnect|Timeout, server .* not responding|could not fetch \w+ from promisor remote/,
  ],
  [
    problems.GIT_NOT_A_REPOSITORY,
    /[Rr]epository .*not found|does not appear to be a git repository|not a git repository|access denied or repository not exported|not valid: is this a git repository|returned error: 404|does not exist|no such repository/i,
  ],
]

/** Which kind of failure it was. */
export function kindOfFailure(result: GitResult): DiagnosticKind {
  if (result.isTimedOut) return problems.GIT_HOST_UNREACHABLE
  // A server that refuses a repository also hangs up; only its words tell the two apart.
  const isRefused = /Could not read from remote repository/.test(result.stderr)
  const fits = PATTERNS.filter(([, pattern]) => pattern.test(result.stderr)).map(([kind]) => kind)
  const [first] = fits
  if (first === problems.GIT_CONNECTION_BROKEN && isRefused && fits.includes(problems.GIT_NOT_A_REPOSITORY))
    return problems.GIT_NOT_A_REPOSITORY
  return first ?? problems.GIT_FAILED
}

export interface FailureContext {
  /** What was being fetched; absent where no server is involved. */
  readonly url?: GitUrl
  /** `submodules.NAME`, or empty for the source tree itself. */
  readonly path?: string
  /** What did not work: `fetching`. */
  readonly doing: string
}

/** A failed git as a finding. */
export function diagnoseFailure(result: GitResult, { url, path = '', doing }: FailureContext): Diagnostic {
  const kind = kindOfFailure(result)
  const subject = url === undefined ? doing : `${doing} ${displayUrl(url)}`
  const how = result.isTimedOut ? 'got no answer in time' : 'failed'
  const host = url?.host === undefined ? undefined : hostOf(url)
  const folder = /dubious ownership in repository at '(.+)'/.exec(result.stderr)?.[1]
  const remedy = kind.remedy
    .replaceAll('HOST', host === undefined ? 'HOST' : hostFor(kind, url, host))
    .replaceAll('FOLDER', folder === undefined ? 'FOLDER' : (quoteCommand([folder])[0] ?? folder))
  return kind.at(path, `${subject} ${how}`, { remedy, evidence: evidenceOf(result, url) })
}

function hostFor(kind: DiagnosticKind, url: GitUrl | undefined, host: string): string {
  if (kind === problems.GIT_CERTIFICATE) return url?.host ?? host
  if (kind === problems.GIT_HOST_KEY_CHANGED)
    return url?.port === undefined ? (url?.host ?? host) : `'[${url.host}]:${url.port}'`
  return url?.port === undefined ? host : `${host.slice(0, host.lastIndexOf(':'))} -p ${url.port}`
}

/** Lines that every failure has, or that say only that git tried twice. */
const NOISE =
  /^(Please make sure you have the correct access rights|and the repository exists\.|hint: |Cloning into '|Failed to clone '|From )/

/** The last words of git, each once, without passwords. */
function evidenceOf({ stderr }: GitResult, url: GitUrl | undefined): readonly string[] {
  const shown = url === undefined ? stderr : stderr.replaceAll(url.text, displayUrl(url))
  return [...new Set(shown.split('\n'))].filter((line) => line.trim() !== '' && !NOISE.test(line)).slice(-12)
}
