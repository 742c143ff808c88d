/** Addresses of git repositories: what kind one is, its HTTPS counterpart, whether two mean the same repository. */
import { isAbsolute, resolve } from 'node:path'

export interface GitUrl {
  readonly kind: 'ssh' | 'https' | 'http' | 'git' | 'file'
  /** As it was written. */
  readonly text: string
  /** Everything before the path, as it was written: `git@host:` or `ssh://git@host:2222/`. */
  readonly prefix: string
  /** Absent for files. */
  readonly host?: string
  readonly user?: string
  readonly port?: string
  /** Without the slash at the beginning. */
  readonly path: string
}

const KINDS: Readonly<Record<string, GitUrl['kind']>> = {
  ssh: 'ssh',
  'git+ssh': 'ssh',
  'ssh+git': 'ssh',
  https: 'https',
  http: 'http',
  git: 'git',
  file: 'file',
}

/**
 * Reads an address as git does (git-clone(1), "GIT URLS"); undefined for other text, and for transports that run
 * commands (`ext::`). A user or host that starts with a dash is refused: ssh would take it for an option.
 */
export function parseGitUrl(text: string): GitUrl | undefined {
  if (text.startsWith('-') || hasControlCharacter(text)) return undefined
  if (isPath(text)) return { kind: 'file', text, prefix: '', path: text }
  const url =
    /^(?<prefix>(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?:(?<user>[^@/]*)@)?(?<host>\[[^\]/]*\]|[^:/]*)(?::(?<port>\d*))?(?:\/|$))(?<path>.*)$/i
  const scp = /^(?<prefix>(?:(?<user>[^@:/]+)@)?(?<host>\[[^\]/]+\]|[^:/@]+):\/?)(?<path>[^:].*)$/
  const groups = (url.exec(text) ?? scp.exec(text))?.groups
  const kind = groups?.scheme === undefined ? 'ssh' : KINDS[groups.scheme.toLowerCase()]
  if (!groups || kind === undefined || groups.user?.startsWith('-') || groups.host?.startsWith('-'))
    return undefined
  const { prefix = '', path = '', user, host, port } = groups
  if (kind === 'file') return { kind, text, prefix: 'file://', path: text.slice('file://'.length) }
  if (!host || path === '') return undefined
  return { kind, text, prefix, path, host, ...(user ? { user } : {}), ...(port ? { port } : {}) }
}

/** The same repository's address with a path that stays right in another folder. */
export function anchorUrl(url: GitUrl, cwd: string): GitUrl {
  if (url.kind !== 'file' || url.prefix !== '') return url
  const path = resolve(cwd, url.path)
  return { ...url, text: path, path }
}

/**
 * What `url.<base>.insteadOf` needs so that SSH addresses with this prefix go by HTTPS: everything of one user, host and
 * port at once. The port is SSH's own, so HTTPS does without one.
 */
export function httpsBaseOf(url: GitUrl): string {
  return `https://${url.host}/`
}

/** For people and for files: without a password. */
export function displayUrl(url: GitUrl): string {
  return url.user?.includes(':') ? url.text.replace(`${url.user}@`, `${url.user.split(':')[0]}@`) : url.text
}

/** Whom one talks to: SSH access is a question of user, host and port, not of the repository. */
export function hostOf(url: GitUrl): string {
  const port = url.port === undefined ? '' : `:${url.port}`
  return `${url.user === undefined ? '' : `${url.user.split(':')[0]}@`}${url.host ?? 'this computer'}${port}`
}

/** Whether both are the same repository, by whatever protocol and as whatever user. */
export function isSameRepository(a: GitUrl, b: GitUrl): boolean {
  const key = ({ kind, host, path }: GitUrl) =>
    `${kind === 'file' ? '' : host?.toLowerCase()}/${path
      .replace(/^\/+/, '')
      .replace(/\/+$/, '')
      .replace(/(\/|^)?\.git$/, '')}`
  return key(a) === key(b)
}

/** The folder that `git clone` would make: the last part of the path without `.git`. */
export function folderNameOf(url: GitUrl): string | undefined {
  const name = url.path
    .replace(/[/\\]+$/, '')
    .replace(/\/?\.git$/, '')
    .split(/[/:\\]/)
    .at(-1)
  return name === undefined || name === '' || name === '.' || name === '..' ? undefined : name
}

function isPath(text: string): boolean {
  return isAbsolute(text) || text === '.' || text === '..' || /^\.\.?\//.test(text)
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((c) => c < ' ' || c === '\x7f')
}
