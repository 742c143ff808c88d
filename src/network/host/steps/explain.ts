/** What ip(8) says when a change of a network fails, in words that say what to do. */
import { type Diagnostic, defineDiagnostics } from '../../../diagnostics.ts'
import { isThere, type Place } from '../place.ts'

export const problems = defineDiagnostics({
  NETWORK_KERNEL_LACKS: {
    title: 'The kernel of this computer has no bridges, taps or veth pairs.',
    why: 'host networks are made of them, and the kernel loads their modules only for root',
    remedy:
      'load them: `sudo modprobe -a bridge tun veth`; a private network (omit `host`) needs none of them',
    source: 'ip-link(8)',
  },
  NETWORK_NOT_PERMITTED: {
    title: 'The kernel refused a change in the network namespace of the run.',
    why: 'this user is not root in the user namespace that it made; AppArmor and SELinux can take that away',
    remedy:
      'allow it (`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` on Ubuntu), run as root, or omit `host`: a private network needs no right',
    source: 'user_namespaces(7)',
  },
  NETWORK_NAMESPACE_GONE: {
    title: 'The network namespace of a step has gone.',
    why: 'it ends with its run, and with it all that was in it',
    remedy: 'run again; the run makes a new one',
  },
})

/** The meaning of the last lines of ip(8); empty where it is unknown. */
export async function explainIp(lines: readonly string[]): Promise<readonly Diagnostic[]> {
  const text = lines.join('\n')
  const what = lines.at(-1) ?? ''
  if (/Unknown device type|Operation not supported|\/dev\/net\/tun.*No such (file|device)/.test(text))
    return [problems.NETWORK_KERNEL_LACKS.at('', what, { evidence: lines })]
  if (/Operation not permitted|Permission denied/.test(text))
    return [problems.NETWORK_NOT_PERMITTED.at('', what, { evidence: lines })]
  return []
}

/** Undefined while the namespace is there. */
export function gone(place: Place): Diagnostic | undefined {
  if (isThere(place)) return undefined
  return problems.NETWORK_NAMESPACE_GONE.at('', `process ${place.pid}, which held it, has ended`)
}
