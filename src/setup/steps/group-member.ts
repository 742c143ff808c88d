/** Step: a user is in a group. It takes effect at the next login. Source: usermod(8), gpasswd(1), credentials(7). */
import * as z from 'zod'
import { defineDiagnostics } from '../../diagnostics.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'
import { keepAfter, keepBefore, restoreAccounts } from '../accounts.ts'

export const problems = defineDiagnostics({
  GROUP_MISSING: {
    title: 'The group does not exist.',
    why: 'the package that owns the device, or udev, creates it',
    remedy: 'give this user access by an ACL: setfacl -m u:USER:rw DEVICE',
  },
  GROUP_AT_NEXT_LOGIN: {
    severity: 'warning',
    title: 'A new group takes effect at the next login.',
    why: 'running processes keep the groups that they were started with',
    remedy: 'log out and in again, or run `newgrp GROUP` in one shell',
    source: 'credentials(7)',
  },
})

const schema = z.object({
  user: z.string().regex(/^[a-z_][\w.-]*\$?$/i),
  group: z.string().regex(/^[a-z_][\w.-]*$/i),
  /** Folder of this step's own below `/var/lib/bringup`. */
  kept: z.string().regex(/^\/var\/lib\/bringup\/[\w-]+$/),
})

export const groupMember = defineStep<z.output<typeof schema>, null>({
  kind: 'host.group-member',
  schema,
  needs: ['root'],
  describe: ({ user, group }) => `put ${user} into the group ${group}`,
  async check({ user, group, kept }, host) {
    const members = membersOf(group, host)
    if (!members) return { state: 'blocked', diagnostics: [problems.GROUP_MISSING.at('', group)] }
    if (members.includes(user)) return { state: 'done', detail: 'takes effect at the next log-in' }
    return {
      state: 'change',
      detail: 'takes effect at the next log-in',
      before: null,
      warnings: [problems.GROUP_AT_NEXT_LOGIN.at('', `${user} has to log in again`)],
      commands: [
        ...keepBefore(kept, host),
        { argv: ['usermod', '--append', '--groups', group, user], asRoot: true },
        ...keepAfter(kept),
      ],
    }
  },
  async undo({ user, group, kept }, _before, host) {
    const isIn = membersOf(group, host)?.includes(user) === true
    if (isIn)
      return {
        state: 'change',
        detail: `take ${user} out of ${group}`,
        commands: [{ argv: ['gpasswd', '--delete', user, group], asRoot: true }],
      }
    const commands = restoreAccounts(kept, host)
    return commands.length === 0
      ? { state: 'done', detail: 'as before' }
      : { state: 'change', detail: 'delete the copies kept for undo', commands }
  },
})

/** Undefined when there is no such group. */
function membersOf(group: string, host: HostReader): readonly string[] | undefined {
  const lines = (host.read('/etc/group')?.toString() ?? '').split('\n').map((line) => line.split(':'))
  return lines.find(([name]) => name === group)?.[3]?.split(',')
}
