/** From the description of a network and the cards on it to its plan: addresses, checks. Pure. */
import { resolve } from 'node:path'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { nearest } from '../nearest.ts'
import { plural } from '../plural.ts'
import {
  formatIpv4,
  formatMac,
  hostsOf,
  type Ipv4,
  isWithin,
  parseIpv4,
  parseSubnet,
  type Subnet,
} from './addresses.ts'
import { GATEWAY, type HostNetworkPlan, type NetworkPlan, type NetworkPort } from './network-plan.ts'
import { type Network, USUAL_QUEUE } from './network-schema.ts'

export const problems = defineDiagnostics({
  NETWORK_NAME_RESERVED: {
    title: 'A guest has the name of the network’s own services.',
    why: '`gateway` names the port that answers DHCP and DNS, in faults and in DNS',
    remedy: 'give the guest another name',
  },
  NETWORK_SUBNET_SMALL: {
    title: 'A subnet has too few addresses for its guests.',
    why: 'the first and the last address belong to no host, and one belongs to the network itself',
    remedy: 'use a shorter prefix, such as /24',
  },
  NETWORK_ADDRESS_OUTSIDE: {
    title: 'The address of a card is not in the subnet of its network.',
    why: 'the other guests would look for it behind the router',
    remedy: 'use an address of the subnet, or omit it',
  },
  NETWORK_ADDRESS_TWICE: {
    title: 'An address on a network is used twice.',
    why: 'answers reach the wrong guest',
    remedy: 'use another address, or omit it',
  },
  NETWORK_HOST_WITHOUT: {
    title: 'A key of a network needs the switch of a private network.',
    why: 'frames of a host network pass through the kernel of this computer, which bringup does not see',
    remedy: 'omit the key, or omit `host`',
  },
  NETWORK_HOST_DHCPD: {
    title: 'A host network has a configuration for dhcpd, and its DHCP is off.',
    why: 'dhcpd would not be started',
    remedy: 'omit `dhcp: false`, or omit `host.dhcpd`',
  },
  NETWORK_FAULT_GUEST_UNKNOWN: {
    title: 'A fault names a guest that is not on the network.',
    why: 'it would have no effect',
    remedy: 'use the name of a guest that has a card on the network',
  },
})

/** A card on the network, before it has an address. */
export interface NetworkCard {
  /** Unique: guest and card, such as `server/lan`. */
  readonly id: string
  readonly guest: string
  readonly mac: string
  readonly address?: string
  readonly queues?: number
  /** Where the card is described, for findings. */
  readonly path: string
}

export interface PlanNetworkRequest {
  readonly name: string
  readonly network: Network
  /** Among the networks of a run, from 0: the default subnet follows from it. */
  readonly index: number
  readonly cards: readonly NetworkCard[]
  /** Where the network is described. */
  readonly path: string
  /** What relative paths are relative to; default: `/`. */
  readonly folder?: string
}

const DEFAULT_CAPTURE_BYTES = 1024 ** 3

/**
 * Plans one network. Addresses follow from the order of the cards: .1 is the network's own, .10 the first card's.
 *
 * @returns The plan, which is of no use if a finding is an error.
 */
export function planNetwork(request: PlanNetworkRequest): {
  readonly plan: NetworkPlan
  readonly diagnostics: readonly Diagnostic[]
} {
  const { name, network, index, cards, path } = request
  const text = network.subnet ?? `10.${1 + (index % 254)}.0.0/24`
  const subnet = parseSubnet(text)
  if (subnet === undefined) throw new Error(`network ${name}: subnet ${text} was not checked`)
  const own = ownAddresses(network, subnet)
  const { addresses, missing } = assign(subnet, cards, own.all)
  const { gateway } = own
  const { capture } = network
  const plan: NetworkPlan = {
    name,
    subnet: text,
    gateway: { address: formatIpv4(gateway), mac: gatewayMac(gateway) },
    dhcp: network.dhcp,
    // dhcpd hands out addresses that nothing else knows, so that there are no names.
    dns: network.dns && network.host?.dhcpd === undefined,
    router: network.router,
    mtu: network.mtu,
    queueBytes: network.queue,
    ...(capture === false ? {} : { captureBytes: capture === true ? DEFAULT_CAPTURE_BYTES : capture.limit }),
    faults: network.faults,
    ports: cards.map((card, i): NetworkPort => {
      const address = addresses[i]
      return {
        id: card.id,
        guest: card.guest,
        mac: card.mac.toLowerCase().replaceAll('-', ':'),
        ...(address === undefined || network.host?.dhcpd !== undefined
          ? {}
          : { address: formatIpv4(address) }),
        ...(card.queues === undefined ? {} : { queues: card.queues }),
      }
    }),
    ...(network.host ? { host: hostPlan(request, own.host, subnet) } : {}),
  }
  const room = Math.max(0, subnet.broadcast - subnet.address - 1 - own.all.length)
  const what = `${text} has ${plural(room, 'address', 'addresses')} for guests, and ${plural(cards.length, 'card')} ${cards.length === 1 ? 'is' : 'are'} on the network`
  const diagnostics = [
    ...(missing > 0 ? [problems.NETWORK_SUBNET_SMALL.at(`${path}.subnet`, what)] : []),
    ...checkNames(cards),
    ...checkOwn(request, subnet, text, own.all),
    ...checkAddresses(subnet, text, cards, own.all),
    ...checkFaults(request),
    ...checkHost(request),
  ]
  return { plan, diagnostics }
}

/** Locally administered, and readable: 52:55 and the address. */
function gatewayMac(address: Ipv4): string {
  return formatMac(0x5255 * 2 ** 32 + address)
}

/** Where there is room, low addresses stay free for machines that have theirs by hand. */
const FIRST_GUEST = 10

/** Fixed addresses first, then those that are free, in the order of the cards. */
function assign(subnet: Subnet, cards: readonly NetworkCard[], own: readonly Ipv4[]) {
  const fixed = cards.map(({ address }) => (address === undefined ? undefined : parseIpv4(address)))
  const { first, last } = hostsOf(subnet)
  const taken = new Set([...own, ...fixed.flatMap((address) => address ?? [])])
  const low = subnet.address + FIRST_GUEST
  let next = low + cards.length - 1 <= last ? low : first
  const addresses = fixed.map((address) => {
    if (address !== undefined) return address
    while (next <= last && taken.has(next)) next++
    if (next > last) return undefined
    return next++
  })
  return { addresses, missing: addresses.filter((address) => address === undefined).length }
}

function checkNames(cards: readonly NetworkCard[]): readonly Diagnostic[] {
  return cards
    .filter(({ guest }) => guest === GATEWAY)
    .map(({ guest, path }) => problems.NETWORK_NAME_RESERVED.at(path, `a guest has the name "${guest}"`))
}

function checkAddresses(
  subnet: Subnet,
  text: string,
  cards: readonly NetworkCard[],
  own: readonly Ipv4[],
): readonly Diagnostic[] {
  const { first, last } = hostsOf(subnet)
  return cards.flatMap(({ id, address: wanted, path: at }, i) => {
    const address = wanted === undefined ? undefined : parseIpv4(wanted)
    if (address === undefined) return []
    if (!isWithin(address, subnet) || address < first || address > last)
      return [
        problems.NETWORK_ADDRESS_OUTSIDE.at(
          at,
          `${wanted} of card ${id} is not an address for hosts in ${text}`,
        ),
      ]
    if (own.includes(address))
      return [problems.NETWORK_ADDRESS_TWICE.at(at, `${wanted} of card ${id} is the network’s own address`)]
    const twin = cards.slice(0, i).find((card) => parseIpv4(card.address ?? '') === address)
    return twin
      ? [problems.NETWORK_ADDRESS_TWICE.at(at, `${wanted} of card ${id} is also the address of ${twin.id}`)]
      : []
  })
}

/** The addresses that no guest gets: that of the network, and that of this computer on it. */
function ownAddresses(
  { host }: Network,
  subnet: Subnet,
): { readonly gateway: Ipv4; readonly host?: Ipv4; readonly all: readonly Ipv4[] } {
  const { first } = hostsOf(subnet)
  const read = (text: string) => parseIpv4(text) ?? first
  const gateway = host?.address === undefined ? first : read(host.address)
  const reachable = host?.reachable ?? false
  const wanted = typeof reachable === 'string' ? read(reachable) : gateway === first + 1 ? first : first + 1
  return { gateway, ...(reachable === false ? { all: [gateway] } : { host: wanted, all: [gateway, wanted] }) }
}

function hostPlan(
  { network, folder = '/' }: PlanNetworkRequest,
  address: Ipv4 | undefined,
  { bits }: Subnet,
): HostNetworkPlan {
  const dhcpd = network.host?.dhcpd
  return {
    ...(address === undefined ? {} : { reachable: `${formatIpv4(address)}/${bits}` }),
    ...(dhcpd === undefined ? {} : { dhcpd: resolve(folder, dhcpd) }),
  }
}

function checkOwn(
  { network: { host }, path }: PlanNetworkRequest,
  subnet: Subnet,
  text: string,
  [gateway, own]: readonly Ipv4[],
): readonly Diagnostic[] {
  const { first, last } = hostsOf(subnet)
  const keys = [
    ['address', gateway],
    ['reachable', own],
  ] as const
  const isWritten = { address: host?.address !== undefined, reachable: typeof host?.reachable === 'string' }
  const outside = keys.flatMap(([key, address]) => {
    const isInside = address === undefined || (address >= first && address <= last)
    if (isInside || !isWritten[key]) return []
    const what = `host.${key} ${formatIpv4(address)} is not an address for hosts in ${text}`
    return [problems.NETWORK_ADDRESS_OUTSIDE.at(`${path}.host.${key}`, what)]
  })
  if (gateway === undefined || gateway !== own) return outside
  const what = `${formatIpv4(gateway)} is the address of the bridge and of this computer`
  return [...outside, problems.NETWORK_ADDRESS_TWICE.at(`${path}.host.reachable`, what)]
}

/** What the kernel's bridge does not do. */
function checkHost({ name, network, path }: PlanNetworkRequest): readonly Diagnostic[] {
  const { host, faults, capture, queue, dhcp } = network
  if (host === undefined) return []
  const extra = { faults: faults.length > 0, capture: capture !== false, queue: queue !== USUAL_QUEUE }
  const wrong = Object.entries(extra).flatMap(([key, isSet]) => {
    const what = `network "${name}" has \`${key}\` and \`host\``
    return isSet ? [problems.NETWORK_HOST_WITHOUT.at(`${path}.${key}`, what)] : []
  })
  if (dhcp || host.dhcpd === undefined) return wrong
  const what = `network "${name}" has dhcp: false and host.dhcpd`
  return [...wrong, problems.NETWORK_HOST_DHCPD.at(`${path}.host.dhcpd`, what)]
}

function checkFaults({ name, network, cards, path }: PlanNetworkRequest): readonly Diagnostic[] {
  const known = [...new Set(cards.flatMap((card) => [card.guest, card.id])), GATEWAY]
  return network.faults.flatMap(({ between = [], from, to }, i) =>
    [...between, ...(from === undefined ? [] : [from]), ...(to === undefined ? [] : [to])]
      .filter((guest) => !known.includes(guest))
      .map((guest) => {
        const meant = nearest(guest, known)
        const remedy = `${meant === undefined ? '' : `did you mean "${meant}"? `}The network has: ${known.join(', ')}`
        const what = `network "${name}" has no guest "${guest}"`
        return problems.NETWORK_FAULT_GUEST_UNKNOWN.at(`${path}.faults[${i}]`, what, { remedy })
      }),
  )
}
