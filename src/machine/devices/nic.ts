/** Network cards on QEMU's user-mode network: no rights needed, nothing of the host changed. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { nearest } from '../../nearest.ts'
import { defineDevice, type MachineView, option, type RuleContext } from '../device.ts'
import { zDeviceId } from '../device-id.ts'
import type { Facts, HostPort } from '../facts.ts'
import { holderText, refusedPort } from '../qemu-arg-ports.ts'
import { type Forward, zForwards } from './nic-forwards.ts'
import { pciFunction } from './pci-expectation.ts'

export { parseForward, parseUserNet, type UserForward } from './nic-forwards.ts'

const MODELS = {
  'virtio-net-pci': '1af4:1000',
  e1000: '8086:100e',
  e1000e: '8086:10d3',
  vmxnet3: '15ad:07b0',
  rtl8139: '10ec:8139',
} as const

const schema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('nic'),
    id: zDeviceId,
    model: z
      .enum(Object.keys(MODELS) as (keyof typeof MODELS)[])
      .default('virtio-net-pci')
      .describe('The card that the guest sees.'),
    mac: z
      .string()
      .optional()
      .describe('MAC address. Default: made from the names of machine and card, so that it stays the same.'),
    network: z
      .string()
      .min(1)
      .default('user')
      .describe(
        '`user`: QEMU’s own NAT, DHCP and DNS. `passt`: the network of this computer, through the program passt. `none`: no cable. Any other word: a network of the rack.',
      ),
    address: z
      .ipv4()
      .optional()
      .describe('IPv4 address that DHCP of a network of the rack gives the card. Default: the next one.'),
    forwards: zForwards,
  }),
)

type Config = z.output<typeof schema>

export const problems = defineDiagnostics({
  NIC_MAC_INVALID: {
    title: 'A MAC address is malformed.',
    why: 'it is six bytes in hexadecimal digits, with colons between them',
    remedy: 'write it as 52:54:00:12:34:56, or omit it',
    source: "QEMU: \"Property 'virtio-net-device.mac' doesn't take value\"",
    qemu: 'refuses',
  },
  NIC_MAC_NOT_UNICAST: {
    title: 'A MAC address is not one that a card can have.',
    why: 'an odd first byte makes it a group address, which switches and guests drop; QEMU replaces one of zeros by its own default',
    remedy: 'make the first byte even, such as 52, or omit `mac`',
    source: 'IEEE 802.3; QEMU accepts it',
    qemu: 'misbehaves',
  },
  NIC_MAC_TWICE: {
    title: 'Two cards of the machine have the same MAC address.',
    why: 'answers reach the wrong card; QEMU does not notice',
    remedy: 'omit `mac`: each card then gets its own',
    source: 'seen: QEMU starts silently',
    qemu: 'misbehaves',
  },
  NIC_PORT_RANGE: {
    title: 'A port of a forward is not between 1 and 65535.',
    why: 'ports are 16-bit numbers; for a free host port omit `host`',
    remedy: 'correct the port',
    source: 'QEMU: "Invalid host forwarding rule"',
    qemu: 'refuses',
  },
  NIC_PORT_TWICE: {
    title: 'Two forwards listen on the same host port.',
    why: 'only one process can listen on a port',
    remedy: 'use another host port, or omit `host` for a free one',
    source: 'QEMU: "Could not set up host forwarding rule"',
    qemu: 'refuses',
  },
  NIC_PORT_TAKEN: {
    title: 'The host port of a forward is in use.',
    why: 'only one process can listen on a port',
    remedy: 'use another host port, or omit `host` for a free one',
    source: 'QEMU: "Could not set up host forwarding rule"',
    qemu: 'refuses',
  },
  NIC_PORT_PRIVILEGED: {
    title: 'This user may not listen on the host port of a forward.',
    why: 'ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE',
    remedy: 'use a higher host port, or omit `host` for a free one',
    source: 'ip(7); QEMU: "Could not set up host forwarding rule"',
    qemu: 'refuses',
  },
  NIC_NETWORK_UNKNOWN: {
    title: 'A card is on a network that its rack does not have, or its machine is in no rack.',
    why: 'a network connects the guests of one rack, which describes it',
    remedy: 'describe it: racks.NAME.networks, or set network to "user", "passt" or "none"',
    qemu: 'accepts',
  },
  NIC_ADDRESS_WITHOUT_NETWORK: {
    title: 'A card that is not on a network of the rack has an address.',
    why: 'the address is what DHCP of that network gives the card; on the user network QEMU decides',
    remedy: 'omit `address`, or set `network` to a network of the rack',
    qemu: 'accepts',
  },
  NIC_FORWARD_WITHOUT_NETWORK: {
    title: 'Ports are forwarded to a card that is not on the user network.',
    why: 'forwards belong to the user network',
    remedy: 'set network to "user", or omit `forwards`',
    qemu: 'accepts',
  },
})

/** Stable and locally administered: QEMU's 52:54:00, then three bytes of a hash of the names. */
export function defaultMac(machine: string, id: string): string {
  const digest = createHash('sha256').update(`${machine}\0${id}`).digest()
  return ['52', '54', '00', ...[0, 1, 2].map((i) => (digest[i] ?? 0).toString(16).padStart(2, '0'))].join(':')
}

export const nic = defineDevice({
  kind: 'nic',
  summary: 'a network card on the user network, with forwarded ports',
  schema,
  diagnostics: problems,
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
  check: (config, context) => [
    ...checkNetwork(config, context),
    ...checkMac(config, context),
    ...checkForwards(config, context),
  ],

  compile({ id = 'nic0', model, mac, address, network, forwards }, { machine, path }) {
    const net = `${id}-net`
    const isUser = network === 'user'
    const isJoined = isJoinedBy(network)
    const at = userNetworks(machine).findIndex((d) => d.path === path)
    const rules = forwards.map(({ protocol, host, guest }) => `${protocol}:${ADDRESS}:${host ?? 0}-:${guest}`)
    // No option ROM: the firmware would offer to boot from the network, which takes time.
    const card = {
      id,
      netdev: isUser || isJoined ? net : undefined,
      mac: mac ?? defaultMac(machine.name, id),
      romfile: '',
    }
    return {
      args: [
        ...(isUser
          ? [
              option('-netdev', 'user', {
                id: net,
                net: at > 0 && at < MOST_NETWORKS ? `10.0.${2 + at}.0/24` : undefined,
                hostname: hostNameOf(machine.name),
                hostfwd: rules,
              }),
            ]
          : []),
        // A stream of frames on a descriptor that QEMU inherits: no right, no name and no port is needed.
        ...(isJoined
          ? [option('-netdev', 'stream', { id: net, 'addr.type': 'fd', 'addr.str': `{fd:${net}}` })]
          : []),
        option('-device', model, card),
      ],
      ...(isJoined
        ? {
            joins: [
              {
                id: net,
                kind: 'network',
                resource: network,
                device: id,
                mac: card.mac,
                ...(address === undefined ? {} : { address }),
              },
            ],
          }
        : {}),
    }
  },

  topology: ({ model }) => ({ detail: model }),

  mustSee(config, { machine, path }) {
    const { id = 'nic0', model } = config
    const alike = machine.devices.filter((d) => d.kind === 'nic' && (d.config as Config).model === model)
    return [
      pciFunction(
        `nic ${id}`,
        MODELS[model],
        alike.findIndex((d) => d.path === path),
      ),
      {
        device: `nic ${id}`,
        aspect: 'MAC',
        want: macOf(config, machine),
        see: ({ nics }) => {
          if (!nics) return undefined
          const mac = macOf(config, machine)
          return nics.some((n) => n.mac === mac) ? mac : null
        },
      },
    ]
  },
  notCompared: ({ id = 'nic0' }) => [
    { device: `nic ${id}`, aspect: 'network', because: 'the comparison sends no packets' },
  ],
})

/** A program that QEMU is connected to, for one card. */
export const PASST = 'passt'

/** Whether the other end of the cable is not in QEMU. */
const isJoinedBy = (network: string) => network !== 'user' && network !== 'none'

function checkNetwork({ network, address }: Config, { facts, path }: RuleContext): readonly Diagnostic[] {
  const known = facts.networks ?? []
  if ((!isJoinedBy(network) || network === PASST) && address !== undefined)
    return [
      problems.NIC_ADDRESS_WITHOUT_NETWORK.at(`${path}.address`, `${address}, but network is "${network}"`),
    ]
  if (!isJoinedBy(network) || network === PASST || known.includes(network)) return []
  const near = nearest(network, known)
  const hint = near === undefined ? '' : `; did you mean "${near}"?`
  return [problems.NIC_NETWORK_UNKNOWN.at(`${path}.network`, `network "${network}" is not described${hint}`)]
}

/** QEMU's own network is 10.0.2.0/24; a card beyond the first gets another, so that answers leave by the same card. */
const MOST_NETWORKS = 250

const userNetworks = ({ devices }: MachineView) =>
  devices.filter((d) => d.kind === 'nic' && (d.config as Config).network === 'user')

/** The guest learns its name by DHCP. Letters, digits and hyphens (RFC 1123); undefined where nothing is left. */
function hostNameOf(machine: string): string | undefined {
  const name = machine
    .replaceAll(/[^A-Za-z0-9-]+/g, '-')
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, '')
  return name === '' ? undefined : name
}

/** A card, and whether it gets an address. */
export interface Card {
  readonly id: string
  /** Path in the description. */
  readonly at: string
  readonly mac: string
  /** A network that answers DHCP, whatever the rack is. */
  readonly hasNetwork: boolean
}

export function nicsOf(machine: MachineView): readonly Card[] {
  return machine.devices.flatMap(({ kind, id, path, config }) =>
    kind === 'nic'
      ? [
          {
            id,
            at: path,
            mac: macOf(config as Config, machine, id),
            hasNetwork: ['user', PASST].includes((config as Config).network),
          },
        ]
      : [],
  )
}

const MAC = /^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i

function checkMac(config: Config, { machine, path }: RuleContext): readonly Diagnostic[] {
  const at = `${path}.mac`
  const mac = macOf(config, machine)
  if (!MAC.test(mac)) return [problems.NIC_MAC_INVALID.at(at, `"${mac}" is no MAC address`)]
  const isGroup = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1
  const isZero = /^[0:-]*$/.test(mac)
  const twin = earlier(machine, path).find((d) => macOf(d.config as Config, machine, d.id) === mac)
  return [
    ...(isGroup || isZero
      ? [problems.NIC_MAC_NOT_UNICAST.at(at, `${mac} is ${isZero ? 'all zeros' : 'a group address'}`)]
      : []),
    ...(twin ? [problems.NIC_MAC_TWICE.at(at, `${mac} is also the address of ${twin.path}`)] : []),
  ]
}

function macOf(config: Config, machine: MachineView, id = config.id ?? 'nic0'): string {
  return (config.mac ?? defaultMac(machine.name, id)).toLowerCase().replaceAll('-', ':')
}

function earlier(machine: MachineView, path: string) {
  const nics = machine.devices.filter((d) => d.kind === 'nic')
  return nics.slice(
    0,
    nics.findIndex((d) => d.path === path),
  )
}

function checkForwards(
  { network, forwards }: Config,
  { machine, facts, path }: RuleContext,
): readonly Diagnostic[] {
  const before = earlier(machine, path).flatMap((d) => (d.config as Config).forwards)
  return [
    ...(network !== 'user' && forwards.length > 0
      ? [problems.NIC_FORWARD_WITHOUT_NETWORK.at(`${path}.forwards`, `network is "${network}"`)]
      : []),
    ...forwards.flatMap((forward, index) =>
      checkForward(forward, [...before, ...forwards.slice(0, index)], `${path}.forwards[${index}]`),
    ),
    ...(network === 'user'
      ? forwards.flatMap((forward, index) => checkHost(forward, facts, `${path}.forwards[${index}].host`))
      : []),
  ]
}

function checkForward(
  { protocol, host, guest }: Forward,
  taken: readonly Forward[],
  at: string,
): readonly Diagnostic[] {
  const isPort = (port: number) => port >= 1 && port <= 65535
  const isTaken = host !== undefined && taken.some((t) => t.host === host && t.protocol === protocol)
  return [
    ...(host !== undefined && !isPort(host)
      ? [problems.NIC_PORT_RANGE.at(`${at}.host`, `host port ${host}`)]
      : []),
    ...(isPort(guest) ? [] : [problems.NIC_PORT_RANGE.at(`${at}.guest`, `guest port ${guest}`)]),
    ...(isTaken
      ? [problems.NIC_PORT_TWICE.at(`${at}.host`, `${protocol} port ${host} of the host is forwarded twice`)]
      : []),
  ]
}

/** Forwards are for this computer only. */
const ADDRESS = '127.0.0.1'

const hostPort = ({ protocol, host }: Forward): HostPort | undefined =>
  host === undefined || host < 1 || host > 65_535 ? undefined : { protocol, address: ADDRESS, port: host }

/** Whether QEMU could listen there now. */
function checkHost(forward: Forward, facts: Facts, at: string): readonly Diagnostic[] {
  const wanted = hostPort(forward)
  const fact = wanted && refusedPort(facts, wanted)
  if (!fact) return []
  const { protocol, port, suggestion, firstOpen } = fact
  const remedy =
    suggestion === undefined
      ? {}
      : {
          remedy: `use port ${suggestion}, which is free (${protocol}:${suggestion}-:${forward.guest}), or omit the host port and bringup takes a free one (${protocol}:-:${forward.guest})`,
        }
  return fact.state === 'taken'
    ? [problems.NIC_PORT_TAKEN.at(at, `${protocol} port ${port} is in use: ${holderText(fact)}`, remedy)]
    : [
        problems.NIC_PORT_PRIVILEGED.at(
          at,
          `${protocol} port ${port}: this user may listen on ${firstOpen} and above`,
          remedy,
        ),
      ]
}
