/** RDMA devices, for people and for programs. */
import type { RdmaDeviceFact, RdmaPortFact } from '../../../machine/facts.ts'
import { formatTable } from '../../table.ts'
import type { Page } from '../../width.ts'

/** One line a port. */
export function formatDevices(devices: readonly RdmaDeviceFact[], page: Page): string {
  const rows = devices.flatMap(({ name, driver, ports }) =>
    ports.map((port) => [
      name,
      `${port.number}`,
      driver ?? 'software',
      port.state,
      port.linkLayer,
      port.netdev ?? '',
      gidsOf(port),
    ]),
  )
  return formatTable(['device', 'port', 'driver', 'state', 'link layer', 'interface', 'GIDs'], rows, page)
}

const SHOWN = 4

const gidsOf = ({ gids }: RdmaPortFact) =>
  [
    ...gids.slice(0, SHOWN).map(({ index, gid }) => `${index}: ${shortGid(gid)}`),
    ...(gids.length > SHOWN ? [`and ${gids.length - SHOWN} more`] : []),
  ].join(', ')

/** `fe80::81f:aeff:fe14:eaf5`, `::ffff:10.1.0.10` */
export function shortGid(gid: string): string {
  const groups = gid.split(':').map((group) => Number.parseInt(group, 16))
  const isIpv4 = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (isIpv4) {
    const bytes = groups.slice(6).flatMap((group) => [group >> 8, group & 0xff])
    return `::ffff:${bytes.join('.')}`
  }
  const words = groups.map((group) => group.toString(16)).join(':')
  return words.replace(/(^|:)0(:0)+(:|$)/, '::')
}

/** As `--json` prints it. */
export function devicesJson(devices: readonly RdmaDeviceFact[]) {
  return devices.map(({ name, driver, isSoft, ports, uverbs }) => ({
    name,
    driver: driver ?? null,
    isSoft,
    uverbs: uverbs ?? null,
    ports: ports.map(({ number, state, linkLayer, netdev, gids, umad }) => ({
      number,
      state,
      linkLayer,
      interface: netdev ?? null,
      umad: umad ?? null,
      gids: gids.map(({ index, gid, type }) => ({ index, gid: shortGid(gid), type: type ?? null })),
    })),
  }))
}
