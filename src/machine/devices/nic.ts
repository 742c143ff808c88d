/** Network cards: on QEMU's user-mode network, or on a network of the rack. */
import { resolve } from 'node:path'
import {
  type Argument,
  defineDevice,
  type Expectation,
  type Join,
  type MachineView,
  option,
} from '../device.ts'
import type { GuestView } from '../guest-view.ts'
import { cardsOf, defaultMac, macOf } from './nic-cards.ts'
import { problems } from './nic-problems.ts'
import { rdmaNotCompared, rdmaSeen } from './nic-rdma-seen.ts'
import { ADDRESS, checkNic, hostPort } from './nic-rules.ts'
import { isJoinedBy, MODELS, type NicConfig, nicSchema } from './nic-schema.ts'
import { pciFunction } from './pci-expectation.ts'

export const nic = defineDevice({
  kind: 'nic',
  summary: 'a network card on the user network, with forwarded ports',
  schema: nicSchema,
  diagnostics: problems,
  // Networks of a run are saved with it, or refused by its join.
  savedState: () => true,
  flag: {
    name: 'nic',
    first: 'model',
    example: 'virtio-net-pci,forwards=tcp:8080-:22',
    help: 'add a network card; several forwards are joined by +',
  },
  needs: ({ model }) => ({ types: [model] }),
  forwards: ({ forwards }) => forwards,
  ports: ({ network, forwards }) =>
    network === 'user' ? forwards.flatMap((forward) => hostPort(forward) ?? []) : [],
  paths: ({ rom }) => (typeof rom === 'string' ? [rom] : []),
  place: (config, { folder }) =>
    typeof config.rom === 'string' ? { ...config, rom: resolve(folder, config.rom) } : config,
  check: checkNic,

  compile(config, { machine, facts, path }) {
    const { id = 'nic0', model, address, network, queues } = config
    const net = `${id}-net`
    const isUser = network === 'user'
    const isJoined = isJoinedBy(network)
    const hasTap = facts.hostNetworks?.includes(network) === true
    const mac = config.mac ?? defaultMac(machine.name, id)
    const card = { id, netdev: isUser || isJoined ? net : undefined, mac, ...optionsOf(config, hasTap) }
    const join: Join = {
      id: net,
      kind: 'network',
      resource: network,
      device: id,
      mac,
      ...(address === undefined ? {} : { address }),
      ...(hasTap && queues > 1 ? { queues } : {}),
    }
    return {
      args: [
        ...(isUser ? [userNetwork(config, net, machine, path)] : []),
        ...(isJoined ? [hasTap ? tapOf(net, queues) : streamOf(net)] : []),
        option('-device', model, card),
      ],
      ...(isJoined ? { joins: [join] } : {}),
    }
  },

  topology: ({ model }) => ({ detail: model }),

  mustSee(config, context) {
    const { machine, path } = context
    const { id = 'nic0', model } = config
    const alike = cardsOf(machine).filter((card) => card.config.model === model)
    return [
      pciFunction(
        `nic ${id}`,
        MODELS[model],
        alike.findIndex((d) => d.path === path),
      ),
      ...seen(config, machine),
      ...rdmaSeen(context),
    ]
  },
  notCompared: ({ id = 'nic0', offloads, rom }, context) => [
    { device: `nic ${id}`, aspect: 'network', because: 'the comparison sends no packets' },
    ...(offloads
      ? []
      : [{ device: `nic ${id}`, aspect: 'offloads', because: 'drivers choose which of them they use' }]),
    ...(rom === false
      ? []
      : [{ device: `nic ${id}`, aspect: 'rom', because: 'firmware reads it before the guest runs' }]),
    ...rdmaNotCompared(context),
  ],
})

/** Check sums and segments that a card with all of its features would handle. */
const OFFLOADS = [
  'csum',
  'gso',
  'guest_csum',
  'guest_tso4',
  'guest_tso6',
  'guest_ecn',
  'guest_ufo',
  'host_tso4',
  'host_tso6',
  'host_ecn',
  'host_ufo',
] as const

/** A pair of interrupts for each queue, one for the configuration, one for the control queue (virtio-net.c). */
function optionsOf({ model, queues, offloads, rom }: NicConfig, hasTap: boolean) {
  const isVirtio = model === 'virtio-net-pci'
  return {
    // QEMU itself refuses it for other models.
    ...(queues > 1 && !isVirtio ? { mq: true } : {}),
    ...(queues > 1 && isVirtio && hasTap ? { mq: true, vectors: 2 * queues + 2 } : {}),
    ...(isVirtio && !offloads ? Object.fromEntries(OFFLOADS.map((name) => [name, false])) : {}),
    ...(model === 'e1000e' && !offloads ? { disable_vnet_hdr: 1 } : {}),
    // No option ROM: the firmware would offer to boot from the network, which takes time.
    romfile: rom === true ? undefined : rom === false ? '' : rom,
  }
}

function userNetwork({ forwards }: NicConfig, id: string, machine: MachineView, path: string): Argument {
  const at = userNetworks(machine).findIndex((d) => d.path === path)
  return option('-netdev', 'user', {
    id,
    net: at > 0 && at < MOST_NETWORKS ? `10.0.${2 + at}.0/24` : undefined,
    hostname: hostNameOf(machine.name),
    hostfwd: forwards.map(({ protocol, host, guest }) => `${protocol}:${ADDRESS}:${host ?? 0}-:${guest}`),
  })
}

/** A stream of frames on a descriptor that QEMU inherits: no right, no name and no port is needed. */
const streamOf = (id: string) =>
  option('-netdev', 'stream', { id, 'addr.type': 'fd', 'addr.str': `{fd:${id}}` })

/** A tap that was opened for QEMU, with a descriptor for each queue. */
function tapOf(id: string, queues: number): Argument {
  if (queues === 1) return option('-netdev', 'tap', { id, fd: `{fd:${id}}` })
  const fds = Array.from({ length: queues }, (_, queue) =>
    queue === 0 ? `{fd:${id}}` : `{fd:${id}.${queue}}`,
  )
  return option('-netdev', 'tap', { id, fds: fds.join(':') })
}

/** What the guest says of the card, found by its MAC address. */
function seen(config: NicConfig, machine: MachineView): readonly Expectation[] {
  const { id = 'nic0', network, queues } = config
  const device = `nic ${id}`
  const mac = macOf(config, machine)
  const own = ({ nics }: GuestView) => nics?.find((card) => card.mac === mac)
  return [
    { device, aspect: 'MAC', want: mac, see: (view) => view.nics && (own(view)?.mac ?? null) },
    ...(network === 'none'
      ? []
      : [
          {
            device,
            aspect: 'link',
            want: 'up',
            see: (view: GuestView) => {
              const link = own(view)?.link
              return link === undefined ? undefined : link ? 'up' : 'down'
            },
          },
        ]),
    ...(queues === 1
      ? []
      : [
          {
            device,
            aspect: 'queues',
            want: `${queues}`,
            see: (view: GuestView) => own(view)?.queues?.toString(),
          },
        ]),
  ]
}

/** QEMU's own network is 10.0.2.0/24; a card beyond the first gets another, so that answers leave by the same card. */
const MOST_NETWORKS = 250

const userNetworks = (machine: MachineView) =>
  cardsOf(machine).filter((card) => card.config.network === 'user')

/** The guest learns its name by DHCP. Letters, digits and hyphens (RFC 1123); undefined where nothing is left. */
function hostNameOf(machine: string): string | undefined {
  const name = machine
    .replaceAll(/[^A-Za-z0-9-]+/g, '-')
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, '')
  return name === '' ? undefined : name
}
