/** Names of a rack's network in a Debian guest: its own resolv.conf knows the user network's server only. */
import type { Diagnostic } from '../../../diagnostics.ts'
import type { GuestPlan } from '../../../plan/plan.ts'
import type { Settling } from '../../profile.ts'
import { answerWithin } from '../../settling.ts'
import { problems } from '../linux/network.ts'

const WAIT_SECONDS = 600

/**
 * Arguments: MAC addresses. Waits for their leases, and puts the DNS servers of these before the others. After a reset,
 * and on a disk that is kept, it replaces its own lines.
 */
const SCRIPT = `
cards= leases=
for mac; do
  for card in /sys/class/net/*; do
    [ "$(cat "$card/address")" = "$mac" ] || continue
    cards="$cards --interface=\${card##*/}"
    leases="$leases /run/systemd/netif/leases/$(cat "$card/ifindex")"
  done
done
/lib/systemd/systemd-networkd-wait-online --ipv4 --timeout=${WAIT_SECONDS} $cards || exit
servers=$(sed -n 's/^DNS=//p' $leases)
[ -n "$servers" ] || exit 0
{
  echo '# of the run'
  printf 'nameserver %s\\n' $servers
  echo '# of the image'
  sed '/^# of the run$/,/^# of the image$/d' /etc/resolv.conf
} > /run/resolv.conf
cp /run/resolv.conf /etc/resolv.conf`

/** What the first command waits for; undefined where no card gets its address from a network of the rack. */
export function settleNetwork({ joins = [] }: Partial<Pick<GuestPlan, 'joins'>>): Settling | undefined {
  const cards = joins.filter(
    ({ mac, address, isServed }) => mac !== undefined && (address !== undefined || isServed),
  )
  if (cards.length === 0) return undefined
  return async (run): Promise<readonly Diagnostic[]> => {
    const macs = cards.flatMap(({ mac }) => mac ?? [])
    const argv = ['sh', '-c', SCRIPT, 'sh', ...macs]
    const { exitCode, stderr } = await answerWithin(run, argv, (WAIT_SECONDS + 30) * 1000)
    if (exitCode === 0) return []
    return cards.map(({ device, mac }) =>
      problems.NIC_NO_ADDRESS.at('', `${device} (${mac}) got no address by DHCP`, {
        evidence: stderr === '' ? [] : [stderr],
      }),
    )
  }
}
