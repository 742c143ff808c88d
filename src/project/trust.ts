/**
 * Whose configs are read. A config is a program, and one of data still names the kernel and the QEMU that are run; it is
 * found by walking upwards. So a file that another user can write, or a folder on the way to it, is refused, as git
 * does with `safe.directory`. Trusted are root, this user, and who called sudo.
 */
import { spawnSync } from 'node:child_process'
import { lstatSync, readFileSync, readlinkSync, realpathSync, type Stats } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { quoteCommand } from '../quote.ts'

export const problems = defineDiagnostics({
  CONFIG_UNTRUSTED: {
    title: 'Another user can write the config file, or a folder on the way to it.',
    why: 'a config runs as the user who calls bringup, and is found by searching upwards',
    remedy: 'read the file; to use it, run `bringup trust DIR` with its folder',
    source: 'git-config(1), safe.directory, has the same rule',
  },
})

type Env = Readonly<Record<string, string | undefined>>

/** Folders with colons between them; `*` is every folder. For containers and CI, where owners mean nothing. */
const TRUST_VARIABLE = 'BRINGUP_TRUSTED_FOLDERS'

/** Where `bringup trust` keeps its list: a folder a line. */
export function trustFile(env: Env = process.env): string {
  const named = env.XDG_CONFIG_HOME
  const folder = named && isAbsolute(named) ? named : join(env.HOME || homedir(), '.config')
  return join(folder, 'bringup', 'trusted-folders')
}

/** Folders that the user trusts whoever can write there. A list that another user can write is none. */
function trustedFolders(env: Env = process.env): readonly string[] {
  const named = (env[TRUST_VARIABLE] ?? '').split(':').filter(Boolean)
  return [...named, ...listTrusted(env)]
}

/** What `bringup trust` lists. */
export function listTrusted(env: Env = process.env): readonly string[] {
  const file = trustFile(env)
  return findIntruder(file, env) === undefined ? readList(file) : []
}

function readList(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => isAbsolute(line))
  } catch {
    return []
  }
}

/** @throws BringupError CONFIG_UNTRUSTED */
export function refuseUntrusted(file: string, env: Env = process.env): void {
  const intruder = findIntruder(file, env)
  if (intruder === undefined) return
  const folder = dirname(realOr(file))
  const isAllowed = trustedFolders(env).some(
    (trusted) => trusted === '*' || `${folder}/`.startsWith(`${realOr(trusted).replace(/\/$/, '')}/`),
  )
  if (isAllowed) return
  throw new BringupError([
    problems.CONFIG_UNTRUSTED.at('', `${file}: ${intruder}`, {
      remedy: `read the file; to use it: ${quoteCommand(['bringup', 'trust', folder]).join(' ')}; to work here without it: --project with a folder that has no config`,
    }),
  ])
}

/**
 * Who else could change what is read under this name, in words; undefined when nobody could. Every folder from the root
 * down is looked at, through symbolic links, and the file itself.
 */
export function findIntruder(path: string, env: Env = process.env): string | undefined {
  const seen = new Map<string, Stats>()
  walk(resolve(path), seen)
  const trusted = new Set([0, process.geteuid?.() ?? 0])
  // Whoever may become root by sudo needs no config for that.
  if (process.geteuid?.() === 0 && /^\d+$/.test(env.SUDO_UID ?? '')) trusted.add(Number(env.SUDO_UID))
  for (const [at, stats] of seen) {
    if (!trusted.has(stats.uid) && !isUnmapped(stats)) return `${at} belongs to ${userName(stats.uid)}`
    const isSticky = stats.isDirectory() && (stats.mode & 0o1000) !== 0
    // In a sticky folder others can add names, but neither rename nor remove what is not theirs.
    if (stats.isSymbolicLink() || isSticky) continue
    if ((stats.mode & 0o002) !== 0) return `every user can write ${at}`
    if ((stats.mode & 0o020) !== 0 && !isPrivateGroup(stats.gid, trusted))
      return `group ${groupName(stats.gid)} can write ${at}`
    if ((stats.mode & 0o020) !== 0 && hasAcl(at)) return `the access control list of ${at} lets others write`
  }
  return undefined
}

/** Follows a path name by name, as the kernel does: each folder and link that it leads through. */
function walk(path: string, seen: Map<string, Stats>, depth = 0): void {
  let at = '/'
  const note = (place: string) => {
    const stats = seen.get(place) ?? lstatSync(place, { throwIfNoEntry: false })
    if (stats) seen.set(place, stats)
    return stats
  }
  note(at)
  for (const name of path.split('/').filter(Boolean)) {
    at = join(at, name)
    const stats = note(at)
    if (!stats) return
    if (!stats.isSymbolicLink()) continue
    // Longer chains are refused by the kernel too (ELOOP).
    if (depth >= 40) return
    walk(resolve(dirname(at), readlinkSync(at)), seen, depth + 1)
    at = realOr(at)
  }
}

/** In a user namespace, owners that are not mapped show as the overflow user; nobody inside can be one of them. */
function isUnmapped({ uid }: Stats): boolean {
  const overflow = Number(readOr('/proc/sys/kernel/overflowuid') || -1)
  if (uid !== overflow) return false
  const ranges = readOr('/proc/self/uid_map').trim().split('\n')
  return !ranges.some((line) => {
    const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number)
    return uid >= first && uid < first + count
  })
}

/** A group of nobody but trusted users, as distributions make one for each user. */
function isPrivateGroup(gid: number, trusted: ReadonlySet<number>): boolean {
  const group = lineOf('/etc/group', 2, gid)
  if (!group) return false
  const users = readOr('/etc/passwd')
    .split('\n')
    .map((line) => line.split(':'))
  const members = (group[3] ?? '').split(',').filter(Boolean)
  const isTrusted = (name: string) => users.some(([n, , uid]) => n === name && trusted.has(Number(uid)))
  return (
    members.every(isTrusted) &&
    users.every(([, , uid, primary]) => primary !== String(gid) || trusted.has(Number(uid)))
  )
}

/** `ls` marks a list with a plus sign; Node cannot read one. */
function hasAcl(path: string): boolean {
  const { stdout } = spawnSync('ls', ['-ldn', '--', path], {
    encoding: 'utf8',
    env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
  })
  return stdout?.charAt(10) === '+'
}

function userName(uid: number): string {
  const name = lineOf('/etc/passwd', 2, uid)?.[0]
  return name === undefined ? `user ${uid}` : `user ${name}`
}

function groupName(gid: number): string {
  return lineOf('/etc/group', 2, gid)?.[0] ?? `${gid}`
}

function lineOf(file: string, column: number, id: number): readonly string[] | undefined {
  return readOr(file)
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[column] === String(id))
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function realOr(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
