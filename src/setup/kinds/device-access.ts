/**
 * Dependency: this user can open a device. Found out by opening it: a group's name says nothing of ACLs (which systemd
 * sets for the user at the console), of mode 0666, of a primary group, of root, of a container's device rules, nor
 * of a group that was joined since the log-in.
 */
import { closeSync, constants, openSync } from 'node:fs'
import { accessAdvice } from '../../host/device-access.ts'
import { missingRemedy } from '../../host/kvm.ts'
import type { DeviceAccessDependency } from '../dependency.ts'
import { defineDependency } from '../kind.ts'
import { groupMember } from '../steps/group-member.ts'

export const deviceAccess = defineDependency<DeviceAccessDependency>({
  kind: 'device-access',
  title: ({ path }) => `access to ${path}`,
  async check({ path }, { host }) {
    if (!host.stat(path)) return { state: 'missing', detail: 'the device does not exist' }
    try {
      closeSync(openSync(path, constants.O_RDWR))
      return { state: 'present', path, detail: 'opens' }
    } catch (error) {
      return { state: 'missing', path, detail: `cannot be opened (${(error as NodeJS.ErrnoException).code})` }
    }
  },
  fix({ path, group }, { host, user, newKept }) {
    const stats = host.stat(path)
    if (!stats) return { advice: missingAdvice(path) }
    const groups = host.read('/etc/group')?.toString() ?? ''
    const advice = accessAdvice({ path, group, user, stats, groups })
    return advice === undefined ? { steps: [groupMember.step({ user, group, kept: newKept() })] } : { advice }
  },
})

function missingAdvice(path: string): string {
  const { remedy } = path === '/dev/kvm' ? missingRemedy() : {}
  return remedy ?? `a kernel module makes ${path}: load it, or use another computer`
}
