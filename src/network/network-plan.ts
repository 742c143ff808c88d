/** A network as it is started: plain JSON, everything decided. Pure: see `plan-network.ts` for how it is made. */
import type { Fault } from './fault-schema.ts'

/** One plug of the switch, for one card of one guest. */
export interface NetworkPort {
  /** Unique: guest and card, such as `server/lan`. */
  readonly id: string
  /** Faults, partitions and DNS know it by this name too. */
  readonly guest: string
  readonly mac: string
  /** What DHCP gives it and its guest's name resolves to. */
  readonly address?: string
  /** Queues of the card, where it has more than one: those of its tap. */
  readonly queues?: number
}

export interface NetworkPlan {
  readonly name: string
  /** `10.1.0.0/24` */
  readonly subnet: string
  /** Where DHCP, DNS and ping are answered. */
  readonly gateway: { readonly address: string; readonly mac: string }
  readonly dhcp: boolean
  readonly dns: boolean
  readonly router: boolean
  readonly mtu: number
  readonly queueBytes: number
  /** Longest capture file; without it nothing is captured. */
  readonly captureBytes?: number
  readonly faults: readonly Fault[]
  readonly ports: readonly NetworkPort[]
  /** It is a bridge of this computer's kernel; without it, a switch of bringup's own. */
  readonly host?: HostNetworkPlan
}

/** A bridge with a tap for each port, in a network namespace that ends with the run. `gateway.address` is the bridge's. */
export interface HostNetworkPlan {
  /** This computer's own address on the network, with the length of the prefix: it needs root. */
  readonly reachable?: string
  /** Answers DHCP with this configuration, an absolute path. Without it dnsmasq answers, if anything does. */
  readonly dhcpd?: string
}

/** The network's own services, where names of ports and guests are given. */
export const GATEWAY = 'gateway'
