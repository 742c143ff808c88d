/** The private networks of a rack, planned once its guests are. Pure. */
import type { Diagnostic } from '../diagnostics.ts'
import { formatPath } from '../machine/schema-issues.ts'
import type { NetworkPlan } from '../network/network-plan.ts'
import { type NetworkCard, planNetwork } from '../network/plan-network.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { RackConfig } from './rack-schema.ts'

/**
 * Plans the networks: who is on them, with which address.
 *
 * @param at path of the rack, such as `['racks', 'pair']`
 * @param folder what paths in it are relative to
 */
export function planNetworks(
  { networks }: Pick<RackConfig, 'networks'>,
  guests: readonly Pick<GuestPlan, 'guest' | 'joins'>[],
  at: readonly PropertyKey[],
  folder = '/',
): { readonly networks: readonly NetworkPlan[]; readonly diagnostics: readonly Diagnostic[] } {
  const planned = Object.entries(networks).map(([name, network], index) =>
    planNetwork({
      name,
      network,
      index,
      cards: guests.flatMap((guest) => cardsOn(name, guest, at)),
      path: formatPath([...at, 'networks', name]),
      folder,
    }),
  )
  return {
    networks: planned.map(({ plan }) => plan),
    diagnostics: planned.flatMap(({ diagnostics }) => diagnostics),
  }
}

/** The guest with the addresses that its networks will give it; none where DHCP is off. */
export function withAddresses<P extends Pick<GuestPlan, 'guest' | 'joins'>>(
  plan: P,
  networks: readonly NetworkPlan[],
): P {
  const joins = plan.joins.map(({ address: _, isServed: __, ...join }) => {
    const network = networks.find(
      ({ name, dhcp }) => join.kind === 'network' && name === join.resource && dhcp,
    )
    const address = network?.ports.find(({ id }) => id === `${plan.guest}/${join.device}`)?.address
    // dhcpd takes addresses from its own file.
    const isServed = network?.host?.dhcpd !== undefined
    return { ...join, ...(address === undefined ? {} : { address }), ...(isServed ? { isServed } : {}) }
  })
  return { ...plan, joins }
}

function cardsOn(
  network: string,
  { guest, joins }: Pick<GuestPlan, 'guest' | 'joins'>,
  at: readonly PropertyKey[],
): readonly NetworkCard[] {
  return joins
    .filter(({ kind, resource }) => kind === 'network' && resource === network)
    .map(({ device, mac = '', address, queues }) => ({
      id: `${guest}/${device}`,
      guest,
      mac,
      ...(address === undefined ? {} : { address }),
      ...(queues === undefined ? {} : { queues }),
      path: formatPath([...at, 'guests', guest]),
    }))
}
