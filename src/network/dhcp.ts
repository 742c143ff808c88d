/** A DHCP server for the guests of one network. Guests are known by their port, never by the name that they give. */
import { formatIpv4, formatMac, hostsOf, type Ipv4, type Mac, type Subnet } from './addresses.ts'
import { DHCP, type DhcpLease, type DhcpRequest, readDhcpRequest, writeDhcpReply } from './dhcp-message.ts'
import type { NetworkEvent } from './network-event.ts'

export interface DhcpOptions {
  readonly subnet: Subnet
  readonly server: Ipv4
  readonly hasRouter: boolean
  readonly hasDns: boolean
  readonly domain: string
  readonly mtu: number
  /** What the plan has given to each port. */
  readonly ports: readonly {
    readonly name: string
    readonly guest: string
    readonly mac: Mac
    readonly address?: Ipv4
  }[]
  readonly onEvent: (event: NetworkEvent) => void
}

export interface DhcpAnswer {
  readonly payload: Buffer
  /** Whether it goes to every guest, as a client can demand that cannot take anything else yet. */
  readonly isBroadcast: boolean
  /** Where the client is, if it has an address. */
  readonly to?: Ipv4
}

/** A guest keeps its address for the whole run; clients that lose their clock renew it. */
const LEASE_SECONDS = 86_400

export class DhcpServer {
  readonly #options: DhcpOptions
  /** Of addresses behind a port that the plan does not know: a bridge or a machine inside the guest. */
  readonly #others = new Map<Mac, Ipv4>()
  readonly #taken: Set<Ipv4>
  readonly #told = new Set<Mac>()

  constructor(options: DhcpOptions) {
    this.#options = options
    this.#taken = new Set([options.server, ...options.ports.flatMap(({ address }) => address ?? [])])
  }

  /** The answer to what came from a port, if there is to be one. */
  answer(port: string, bytes: Buffer): DhcpAnswer | undefined {
    const request = readDhcpRequest(bytes)
    if (request === undefined || request.relay !== 0) return undefined
    switch (request.type) {
      case DHCP.discover:
        return this.#offer(port, request)
      case DHCP.request:
        return this.#grant(port, request)
      case DHCP.inform:
        return this.#reply(request, DHCP.ack, this.#leaseOf(request, port))
      case DHCP.decline:
        this.#declined(port, request)
        return undefined
      default:
        // A guest that releases its address gets the same again.
        return undefined
    }
  }

  #offer(port: string, request: DhcpRequest): DhcpAnswer | undefined {
    const address = this.#addressFor(port, request.mac)
    return address === undefined
      ? undefined
      : this.#reply(request, DHCP.offer, this.#leaseOf(request, port, address))
  }

  #grant(port: string, request: DhcpRequest): DhcpAnswer | undefined {
    const { server } = this.#options
    // It has chosen another server.
    if (request.server !== undefined && request.server !== server) return undefined
    const address = this.#addressFor(port, request.mac)
    if (address === undefined) return undefined
    const wanted = request.requested ?? request.clientAddress
    if (wanted !== address) return this.#reply(request, DHCP.nak)
    const mac = formatMac(request.mac)
    this.#options.onEvent({ type: 'lease given', port, mac, address: formatIpv4(address) })
    return this.#reply(request, DHCP.ack, this.#leaseOf(request, port, address))
  }

  #declined(port: string, { mac, requested }: DhcpRequest): void {
    if (requested === undefined) return
    this.#options.onEvent({
      type: 'address declined',
      port,
      mac: formatMac(mac),
      address: formatIpv4(requested),
    })
  }

  #reply(request: DhcpRequest, type: number, lease?: DhcpLease): DhcpAnswer {
    const { server } = this.#options
    const isRefusal = type === DHCP.nak
    return {
      payload: writeDhcpReply(request, { type, server, ...(lease === undefined ? {} : { lease }) }),
      isBroadcast: isRefusal || (request.flags & 0x8000) !== 0,
      ...(isRefusal || request.clientAddress === 0 ? {} : { to: request.clientAddress }),
    }
  }

  /** Without an address the client has its own. */
  #leaseOf({ mac }: DhcpRequest, name: string, address?: Ipv4): DhcpLease {
    const { server, subnet, hasRouter, hasDns, domain, mtu, ports } = this.#options
    const guest = ports.find((port) => port.name === name && port.mac === mac)?.guest
    return {
      address: address ?? 0,
      ...(address === undefined ? {} : { seconds: LEASE_SECONDS }),
      mask: subnet.mask,
      broadcast: subnet.broadcast,
      ...(hasRouter ? { router: server } : {}),
      ...(hasDns ? { dns: server } : {}),
      ...(guest === undefined ? {} : { hostName: guest }),
      domain,
      mtu,
    }
  }

  /** The planned address of the port's own card; others behind the port get what is free, from the end. */
  #addressFor(name: string, mac: Mac): Ipv4 | undefined {
    const port = this.#options.ports.find((p) => p.name === name)
    if (port?.mac === mac) return port.address
    const known = this.#others.get(mac)
    if (known !== undefined) return known
    const { first, last } = hostsOf(this.#options.subnet)
    let address = last
    while (address >= first && this.#taken.has(address)) address--
    if (address < first || this.#others.size >= MOST_OTHERS) {
      if (!this.#told.has(mac) && this.#told.size < MOST_OTHERS) {
        this.#told.add(mac)
        this.#options.onEvent({ type: 'no address', port: name, mac: formatMac(mac) })
      }
      return undefined
    }
    this.#taken.add(address)
    this.#others.set(mac, address)
    return address
  }
}

/** A guest that makes up addresses must not fill the memory. */
const MOST_OTHERS = 4096
