/**
 * Who can change a file besides root and this user: its owner, its mode, its folders, links on the way.
 */
import { spawnSync } from 'node:child_process'
import { lstatSync, readFileSync, readlinkSync, realpathSync, type Stats } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Which other user could change what is read under this name, in words; undefined when none could. Every folder from the root
 * down is looked at, through symbolic links, and the file itself.
 */
export function findIntruder(path: string, env: Env = process.env): string | undefined {
  const seen = new Map<string, Stats>()
  walk(resolve(path), seen)
  const trusted = trustedUsers(env)
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

/** Root, this user, and the caller of sudo, who can become root anyway. */
function trustedUsers(env: Env): ReadonlySet<number> {
  const me = process.geteuid?.() ?? 0
  const caller = me === 0 && /^\d+$/.test(env.SUDO_UID ?? '') ? [Number(env.SUDO_UID)] : []
  return new Set([0, me, ...caller])
}

/** The other user to whom this very file, folder or link belongs; undefined for one of a trusted user, or none. */
export function foreignOwner(path: string, env: Env = process.env): string | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  return !stats || trustedUsers(env).has(stats.uid) || isUnmapped(stats) ? undefined : userName(stats.uid)
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

/** In a user namespace, owners that are not mapped show as the overflow user; no user inside can be one of them. */
function isUnmapped({ uid }: Stats): boolean {
  const overflow = Number(readOr('/proc/sys/kernel/overflowuid') || -1)
  if (uid !== overflow) return false
  const ranges = readOr('/proc/self/uid_map').trim().split('\n')
  return !ranges.some((line) => {
    const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number)
    return uid >= first && uid < first + count
  })
}

/** A group of trusted users only, as distributions make one for each user. */
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
