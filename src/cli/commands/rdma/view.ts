/** RDMA devices, for people and for programs. */
import { shortGid } from '../../../machine/devices/nic-rdma-seen.ts'
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

/** As `--json` prints it. */
export function devicesJson(devices: readonly RdmaDeviceFact[]) {
  return devices.map(({ name, driver, ports, uverbs }) => ({
    name,
    driver: driver ?? null,
    // A soft device has no device of a bus beneath it; its parent is a network interface.
    isSoft: driver === undefined,
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
