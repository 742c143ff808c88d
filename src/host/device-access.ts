/** Who may open a device, and what gives this user access to it. Source: group(5), acl(5). */
import { accessSync, constants, type Stats } from 'node:fs'

export interface AccessRequest {
  readonly path: string
  /** Group that usually owns such devices: `kvm`. */
  readonly group: string
  readonly user: string
  readonly stats: Pick<Stats, 'gid' | 'mode'>
  /** Content of /etc/group. */
  readonly groups: string
}

/** Whether this user may open the file for reading and writing. */
export function mayOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Undefined where joining the group helps. Otherwise what to do: the device may belong to another group, the group may
 * have no access to it, or the user has joined since the log-in.
 */
export function accessAdvice({ path, group, user, stats, groups }: AccessRequest): string | undefined {
  const acl = `setfacl --modify user:${user}:rw ${path}`
  const line = groups
    .split('\n')
    .map((l) => l.split(':'))
    .find(([name]) => name === group)
  const helps = line !== undefined && Number(line[2]) === stats.gid && (stats.mode & 0o060) === 0o060
  if (!helps) return `the group ${group} has no access to it here; as root, until the next boot: ${acl}`
  return line[3]?.split(',').includes(user)
    ? `${user} is in the group ${group} now: log in again; as root, until then: ${acl}`
    : undefined
}
