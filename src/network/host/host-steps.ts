/** The steps of a host network: what is made for it, in order. Pure. */
import type { Step } from '../../steps/step.ts'
import { parseSubnet } from '../addresses.ts'
import type { NetworkPlan } from '../network-plan.ts'
import type { Place } from './place.ts'
import { hostBridge } from './steps/bridge.ts'
import { hostLink } from './steps/link.ts'
import { hostTap } from './steps/tap.ts'

/** Names of the devices of one network of one run. A name has at most 15 characters (linux/if.h). */
export interface HostNames {
  readonly bridge: string
  /** On this computer. */
  readonly link: string
  readonly peer: string
  /** By the id of the port. */
  readonly taps: ReadonlyMap<string, string>
}

/** @param own part that no other network of a run has, at most 8 characters */
export function hostNames({ ports }: Pick<NetworkPlan, 'ports'>, own: string): HostNames {
  const name = `bu${own}`
  return {
    bridge: `${name}b`,
    link: name,
    peer: `${name}p`,
    taps: new Map(ports.map(({ id }, index) => [id, `${name}t${index}`])),
  }
}

export function hostSteps(plan: NetworkPlan, names: HostNames, place: Place): readonly Step[] {
  const { subnet, gateway, mtu, ports, host } = plan
  const { bridge, link: name, peer, taps } = names
  const address = host?.reachable
  return [
    hostBridge.step({ place, name: bridge, address: `${gateway.address}/${parseSubnet(subnet)?.bits}`, mtu }),
    ...ports.map(({ id, queues = 1 }) =>
      hostTap.step({ place, name: taps.get(id) ?? '', bridge, mtu, hasQueues: queues > 1 }),
    ),
    ...(address === undefined ? [] : [hostLink.step({ place, name, peer, bridge, address, subnet, mtu })]),
  ]
}
