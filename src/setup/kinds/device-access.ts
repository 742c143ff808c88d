/**
 * Dependency: this user can open a device. Found out by opening it: a group's name says nothing of ACLs (which systemd
 * sets for the user at the console), of mode 0666, of a primary group, of root, of a container's device rules, nor
 * of a group that was joined since the log-in.
 */
import { closeSync, constants, openSync } from 'node:fs'
import type { DeviceAccessDependency } from '../dependency.ts'
import { defineDependency } from '../kind.ts'
import { groupMember } from '../steps/group-member.ts'

export const deviceAccess = defineDependency<DeviceAccessDependency>({
  kind: 'device-access',
  title: ({ path }) => `access to ${path}`,
  async check({ path }, { host }) {
    if (!host.stat(path)) return { state: 'missing', detail: 'there is no such device' }
    try {
      closeSync(openSync(path, constants.O_RDWR))
      return { state: 'present', path, detail: 'opens' }
    } catch (error) {
      return { state: 'missing', path, detail: `cannot be opened (${(error as NodeJS.ErrnoException).code})` }
    }
  },
  fix({ path, group }, { host, user, newKept }) {
    const stats = host.stat(path)
    if (!stats)
      return { advice: `${path} is made by a module of the kernel: load it, or use another computer` }
    const acl = `setfacl --modify user:${user}:rw ${path}`
    const line = (host.read('/etc/group')?.toString() ?? '')
      .split('\n')
      .map((l) => l.split(':'))
      .find(([name]) => name === group)
    // Only what the group may do helps; and a user who is in it already lacks something else.
    const helps = line !== undefined && Number(line[2]) === stats.gid && (stats.mode & 0o060) === 0o060
    if (!helps) return { advice: `the group ${group} may not open it here; as root, for now: ${acl}` }
    if (line[3]?.split(',').includes(user))
      return { advice: `${user} is in the group ${group} by now: log in again (for now, as root: ${acl})` }
    return { steps: [groupMember.step({ user, group, kept: newKept() })] }
  },
})
