/** Ports of the guest that are reachable from this computer. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { parseUserNet } from '../machine/devices/nic-forwards.ts'
import { forwardsOf } from '../machine/parts.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { QmpClient } from '../qemu/qmp.ts'
import type { Guest } from './guest.ts'

export const problems = defineDiagnostics({
  GUEST_PORT_NOT_FORWARDED: {
    title: 'A port of the guest was requested that no network card forwards.',
    why: 'only forwarded ports are reachable from this computer',
    remedy: 'add it to the card: { kind: "nic", forwards: ["tcp::80"] }',
  },
})

/** The forwards with the ports that QEMU chose. */
export async function chosenPorts(
  plan: GuestPlan,
  qmp: Pick<QmpClient, 'execute'>,
): Promise<Guest['forwards']> {
  if (forwardsOf(plan.machine).length === 0) return []
  return parseUserNet(await qmp.execute('human-monitor-command', { 'command-line': 'info usernet' }))
}

/** @throws BringupError GUEST_PORT_NOT_FORWARDED */
export function hostPort(forwards: Guest['forwards'], guestPort: number, protocol: 'tcp' | 'udp'): number {
  const found = forwards.find((f) => f.guestPort === guestPort && f.protocol === protocol)
  if (found) return found.hostPort
  const known = forwards.map((f) => `${f.protocol} ${f.guestPort}`).join(', ') || 'none'
  const what = `${protocol} port ${guestPort} of the guest is not forwarded; forwarded ports: ${known}`
  throw new BringupError([problems.GUEST_PORT_NOT_FORWARDED.at('', what)])
}
