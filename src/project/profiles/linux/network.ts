/** The network of a Linux guest: every card gets an address by DHCP, and the first command waits for that. */
import { type Diagnostic, defineDiagnostics } from '../../../diagnostics.ts'
import { nicsOf } from '../../../machine/devices/nic-cards.ts'
import { viewOf } from '../../../machine/machine.ts'
import type { GuestPlan } from '../../../plan/plan.ts'
import type { Entry } from '../../images/cpio.ts'
import type { Settling } from '../../profile.ts'
import { answerWithin, NOT_FOUND } from '../../settling.ts'

export const problems = defineDiagnostics({
  NIC_NO_ADDRESS: {
    severity: 'warning',
    title: 'A network card of the guest has no address.',
    why: 'the guest’s kernel has no driver for the card, or DHCP got no answer while the command waited',
    remedy:
      'omit --kernel to boot the kernel of this distribution, or build yours with PACKET and the card’s driver; /run/bringup/network/log in the guest has the messages of the DHCP client',
  },
})

/** Run by the agent at boot; it has made the FIFO of that name before (`agent/boot.c`). */
export const NETWORK_SCRIPT = '/lib/bringup/network'
const WAIT_SCRIPT = '/lib/bringup/network-wait'
const DHCP_SCRIPT = '/usr/share/udhcpc/default.script'

/**
 * Starts a DHCP client for each card. The FIFO of a card is written to when the card has an address, or after five tries
 * of a second; the client goes on in the background then. A card that negotiates its link first (e1000e) gets ten.
 */
const AT_BOOT = `#!/bin/sh
own=/run/bringup/network
exec >>$own/log 2>&1 </dev/null
ifconfig lo 127.0.0.1 up
for path in /sys/class/net/*; do
  card=\${path##*/}
  read -r type < $path/type
  [ "$type" = 1 ] || continue
  mkfifo $own/$card
  (
    ifconfig $card up
    read -r carrier < $path/carrier
    [ "$carrier" = 1 ] && tries=5 || tries=10
    udhcpc -i $card -s ${DHCP_SCRIPT} -p $own/$card.pid -b -t $tries -T 1 -A 5
    : > $own/$card
  ) &
done
: > $own/ready
`

/**
 * Waits for the cards, but for those with one of the MAC addresses given, which have no network. Prints of each its MAC
 * and its address.
 */
const WAIT = `#!/bin/sh
own=/run/bringup/network
await() {
  [ ! -p $1 ] || read -r none < $1
  rm -f $1
}
await $own/ready
for path in /sys/class/net/*; do
  card=\${path##*/}
  read -r mac < $path/address
  case " $* " in *" $mac "*) continue ;; esac
  await $own/$card
  found=$(ip -4 -o addr show dev $card scope global)
  echo "$mac $found"
done
`

/** busybox's DHCP client calls it with what it got, as variables. */
const ON_LEASE = `#!/bin/sh
case $1 in bound|renew) ;; *) exit 0 ;; esac
own=/run/bringup/network
mkdir -p $own
ifconfig "$interface" "$ip" netmask "\${subnet:-255.255.255.0}" \${mtu:+mtu $mtu}
read -r metric < /sys/class/net/$interface/ifindex
for one in $router; do route add default gw $one dev $interface metric $metric 2>/dev/null; done
{
  [ -z "$domain" ] || echo search $domain
  for one in $dns; do echo nameserver $one; done
} > $own/\${domain:+0}.$interface.conf
# The clients of other cards do the same: a folder is made by one of them at a time.
until mkdir $own/writing 2>/dev/null; do :; done
cat $own/0.*.conf $own/.*.conf 2>/dev/null > /etc/resolv.conf
rmdir $own/writing
if [ -n "$hostname" ] && [ "$(hostname)" = "(none)" ]; then
  hostname "$hostname" && echo "$ip $hostname" >> /etc/hosts
fi
`

const program = (path: string, content: string): Entry => ({
  kind: 'file',
  path,
  mode: 0o755,
  content: Buffer.from(content),
})

/** The scripts; in a guest without a card those that a client called by hand needs. */
export function networkEntries({ hasCard }: { readonly hasCard: boolean }): readonly Entry[] {
  return [
    program(DHCP_SCRIPT, ON_LEASE),
    // Debian's busybox looks here.
    { kind: 'link', path: 'etc/udhcpc/default.script', target: DHCP_SCRIPT },
    { kind: 'file', path: 'etc/nsswitch.conf', mode: 0o644, content: Buffer.from('hosts: files dns\n') },
    ...(hasCard ? [program(NETWORK_SCRIPT, AT_BOOT), program(WAIT_SCRIPT, WAIT)] : []),
  ]
}

/** Longer than the tries of the client take, on a loaded computer too. */
const WAIT_MS = 300_000

/** What the first command of a guest waits for; undefined where no card of the machine has a network. */
export function networkSettling({
  name,
  machine,
  joins = [],
}: Pick<GuestPlan, 'name' | 'machine'> & Partial<Pick<GuestPlan, 'joins'>>): Settling | undefined {
  const planned = joins
    .filter(({ address, isServed }) => address !== undefined || isServed)
    .map(({ device }) => device)
  const cards = nicsOf(viewOf(name, machine)).map((card) => ({
    ...card,
    hasNetwork: card.hasNetwork || planned.includes(card.id),
  }))
  const wired = cards.filter((card) => card.hasNetwork)
  const without = cards.filter((card) => !card.hasNetwork).map((card) => card.mac)
  if (wired.length === 0) return undefined
  return async (run) => {
    const { stdout, exitCode } = await answerWithin(run, [WAIT_SCRIPT, ...without], WAIT_MS)
    // An initial RAM disk of the user's own has no such script, and a network of its own making.
    if (exitCode === NOT_FOUND) return []
    return wired
      .filter(
        ({ mac }) => !stdout.split('\n').some((line) => line.startsWith(mac) && line.includes(' inet ')),
      )
      .map(({ id, at, mac }): Diagnostic => {
        const isSeen = stdout.includes(mac)
        return problems.NIC_NO_ADDRESS.at(
          at,
          `${id} (${mac}) ${isSeen ? 'got no address by DHCP' : 'is not a network card of the guest’s kernel'}`,
        )
      })
  }
}
