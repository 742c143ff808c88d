/** What the guest must see of an RDMA device, and what no comparison shows. */
import type { Expectation, NotCompared, RuleContext } from '../device.ts'
import type { GuestRdmaDevice, HardwareView } from '../guest-view.ts'
import { type RdmaLink, rdmaLinksOf } from './nic-rdma.ts'

const linkOf = ({ machine, path }: RuleContext) =>
  rdmaLinksOf(machine).find(({ at }) => at === `${path}.rdma`)

export function rdmaSeen(context: RuleContext): readonly Expectation[] {
  const link = linkOf(context)
  if (!link) return []
  const { name, kind, mac, id } = link
  const device = `rdma ${name}`
  const address = context.facts.addresses?.[id]
  const own = ({ rdmas }: HardwareView) => rdmas?.find((one) => one.name === name)
  const port = (view: HardwareView) => own(view)?.ports[0]
  const row = (
    aspect: string,
    want: string,
    see: (view: HardwareView) => string | undefined,
  ): Expectation => ({
    device,
    aspect,
    want,
    see: (view) => view.rdmas && (see(view) ?? null),
  })
  const gids = (want: string) => (view: HardwareView) => {
    const all = port(view)?.gids ?? []
    return (all.find(({ gid }) => gid === want) ?? all[0])?.gid
  }
  return [
    row('device', name, (view) => own(view)?.name),
    row('netdev', mac, (view) => macOfNetdev(own(view), view)),
    row('port', 'ACTIVE', (view) => port(view)?.state),
    row('link layer', 'Ethernet', (view) => port(view)?.linkLayer),
    ...(kind === 'rxe'
      ? [
          row('GID type', 'RoCE v2', (view) => port(view)?.gids[0]?.type),
          row('GID', linkLocalGid(mac), gids(linkLocalGid(mac))),
        ]
      : []),
    ...(kind === 'rxe' && address !== undefined
      ? [row('IPv4 GID', `::ffff:${address}`, gids(`::ffff:${address}`))]
      : []),
  ]
}

export function rdmaNotCompared(context: RuleContext): readonly NotCompared[] {
  const link = linkOf(context)
  if (!link) return []
  const device = `rdma ${link.name}`
  return [
    ...gidsNotCompared(link, context),
    { device, aspect: 'transfer', because: 'the comparison sends no data' },
    { device, aspect: 'active MTU', because: 'sysfs does not report it (ibv_devinfo does)' },
    { device, aspect: 'driver', because: 'sysfs does not name the driver of an RDMA device in software' },
  ]
}

function gidsNotCompared({ kind, name, id }: RdmaLink, { facts }: RuleContext): readonly NotCompared[] {
  const device = `rdma ${name}`
  if (kind === 'siw') return [{ device, aspect: 'GID', because: 'iWARP addresses connections by IP' }]
  if (facts.addresses?.[id] !== undefined) return []
  return [{ device, aspect: 'IPv4 GID', because: 'the plan does not know the address of the card' }]
}

/** The card is known by its MAC address: names of network devices are the guest's own. */
function macOfNetdev(rdma: GuestRdmaDevice | undefined, { nics }: HardwareView): string | undefined {
  const netdev = rdma?.ports[0]?.netdev
  return netdev === undefined ? undefined : (nics?.find(({ name }) => name === netdev)?.mac ?? netdev)
}

/** GID of a port without addresses: fe80::/64 and the EUI-64 of the MAC address (IBTA RoCE v2 annex, RFC 4291). */
export function linkLocalGid(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((byte) => Number.parseInt(byte, 16))
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f]
  return shortGid(`fe80:0:0:0:${words.map((word) => word.toString(16)).join(':')}`)
}

/** As ibv_devinfo prints it: `fe80::5054:ff:fe12:3456`, `::ffff:10.1.0.10`. Other text stays as it is. */
export function shortGid(gid: string): string {
  if (!/^[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}$/i.test(gid)) return gid
  const words = gid.split(':').map((word) => Number.parseInt(word, 16))
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff)
    return `::ffff:${words
      .slice(6)
      .flatMap((word) => [word >> 8, word & 0xff])
      .join('.')}`
  return new URL(`http://[${gid}]`).hostname.slice(1, -1)
}
