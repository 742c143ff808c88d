/** RDMA devices as Linux has them in /sys/class/infiniband (Documentation/ABI/stable/sysfs-class-infiniband). */
import { shortGid } from '../../../machine/devices/nic-rdma-seen.ts'
import type { GuestGid, GuestRdmaDevice, GuestRdmaPort } from '../../../machine/guest-view.ts'
import { matching, type Printed } from './view-files.ts'

/** A port has a thousand GIDs, nearly all of them zeros; the type of one of these is an error to read. */
export const RDMA_SCRIPT = `
for port in /sys/class/infiniband/*/ports/*; do
  [ -e $port/state ] || continue
  grep -s '' $port/state $port/phys_state $port/link_layer /dev/null
  grep -sHv '^[0:]*$' $port/gids/* | while IFS= read -r line; do
    gid=\${line%%:*}
    gid=\${gid##*/}
    echo "$line"
    grep -s '' $port/gid_attrs/types/$gid $port/gid_attrs/ndevs/$gid /dev/null
  done
done`

/** The devices alone. Fails if /sys is missing, and prints nothing if there is no device. */
export const RDMA_COMMAND = ['sh', '-c', `[ -d /sys/class ] || exit 1${RDMA_SCRIPT}\nexit 0`] as const

export function rdmasOf(printed: Printed): readonly GuestRdmaDevice[] {
  const ports = matching(printed, /^\/sys\/class\/infiniband\/([^/]+)\/ports\/(\d+)\/state$/)
  const names = [...new Set(ports.map(({ groups: [name = ''] }) => name))].toSorted()
  return names.map((name) => ({
    name,
    ports: ports
      .filter(({ groups }) => groups[0] === name)
      .map(({ groups, text }) => portOf(printed, { name, port: Number(groups[1]), state: text }))
      .toSorted((a, b) => a.port - b.port),
  }))
}

function portOf(
  printed: Printed,
  { name, port, state }: { readonly name: string; readonly port: number; readonly state: string },
): GuestRdmaPort {
  const folder = `/sys/class/infiniband/${name}/ports/${port}`
  const text = (file: string) => printed.files.get(`${folder}/${file}`)
  const gids = matching(printed, /^\/sys\/class\/infiniband\/([^/]+)\/ports\/(\d+)\/gids\/(\d+)$/)
    .filter(({ groups }) => groups[0] === name && Number(groups[1]) === port)
    .map(({ groups, text: gid }) => gidOf(Number(groups[2]), gid, text(`gid_attrs/types/${groups[2]}`)))
    .toSorted((a, b) => a.index - b.index)
  const netdev = gids.map(({ index }) => text(`gid_attrs/ndevs/${index}`)).find((one) => one !== undefined)
  return {
    port,
    state: behindNumber(state),
    physicalState: behindNumber(text('phys_state') ?? ''),
    linkLayer: text('link_layer') ?? '',
    ...(netdev === undefined ? {} : { netdev }),
    gids,
  }
}

const gidOf = (index: number, gid: string, type: string | undefined): GuestGid => ({
  index,
  gid: shortGid(gid),
  ...(type === undefined ? {} : { type }),
})

/** `4: ACTIVE` */
const behindNumber = (text: string) => text.replace(/^\d+:\s*/, '')
