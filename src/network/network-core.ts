/** A network in one process: ports on streams, the switch between them, the gateway, the capture. */
import type { Duplex } from 'node:stream'
import { parseIpv4, parseMac, parseSubnet } from './addresses.ts'
import { CaptureFile } from './capture-file.ts'
import type { Clock } from './delay-line.ts'
import { DhcpServer } from './dhcp.ts'
import { DnsServer } from './dns.ts'
import { isNamed } from './fault-decisions.ts'
import type { Fault } from './fault-schema.ts'
import { namesOfTraffic, trafficOf } from './frame.ts'
import { FrameRing } from './frame-ring.ts'
import { framed, framesIn } from './framing.ts'
import { Gateway } from './gateway.ts'
import type { KeptFrame } from './kept-frames.ts'
import type { NetworkEvent } from './network-event.ts'
import { GATEWAY, type NetworkPlan, type NetworkPort } from './network-plan.ts'
import { type Outlet, Port } from './port.ts'
import type { FrameFilter, NetworkFrame, NetworkStats } from './running-network.ts'
import { type FrameRecord, Switch } from './switch.ts'
import type { SwitchCalls } from './switch-calls.ts'

export interface CoreOptions {
  readonly plan: NetworkPlan
  /** In the order of the plan's ports. */
  readonly streams: readonly Duplex[]
  readonly clock: Clock
  readonly captureFile?: string
  /** Frames that were on the way when its guests were saved. */
  readonly kept?: readonly KeptFrame[]
  readonly onEvent: (event: NetworkEvent) => void
}

export class NetworkCore implements SwitchCalls {
  readonly #options: CoreOptions
  readonly #switch: Switch
  readonly #ports: readonly Port[]
  readonly #numbers: ReadonlyMap<Outlet, number>
  readonly #ring = new FrameRing()
  readonly #capture: CaptureFile | undefined

  static async start(options: CoreOptions): Promise<NetworkCore> {
    const { plan, captureFile, onEvent } = options
    if (captureFile === undefined) return new NetworkCore(options)
    const limitBytes = plan.captureBytes ?? Number.POSITIVE_INFINITY
    const capture = await CaptureFile.open({
      file: captureFile,
      limitBytes,
      ports: [
        ...plan.ports.map((p) => ({ name: p.id, description: [p.mac, p.address ?? ''].join(' ').trim() })),
        { name: GATEWAY, description: `${plan.gateway.mac} ${plan.gateway.address}` },
      ],
      onFull: () => onEvent({ type: 'capture full', file: captureFile, limitBytes }),
      onFailed: (problem) => onEvent({ type: 'capture failed', file: captureFile, problem }),
    })
    return new NetworkCore(options, capture)
  }

  private constructor(options: CoreOptions, capture?: CaptureFile) {
    this.#options = options
    this.#capture = capture
    const { plan, clock, onEvent, streams } = options
    this.#switch = new Switch({ mtu: plan.mtu, clock, onEvent, onFrame: (record) => this.#record(record) })
    for (const [index, fault] of plan.faults.entries()) this.#switch.faults.add(-1 - index, fault)
    this.#ports = plan.ports.map((port, index) => {
      const stream = streams[index]
      if (stream === undefined) throw new Error(`network ${plan.name} has no stream for port ${port.id}`)
      return this.#portOn(stream, port)
    })
    const gateway = this.#gateway()
    for (const [index, port] of this.#ports.entries())
      this.#switch.add(port, parseMac(plan.ports[index]?.mac ?? ''))
    this.#switch.add(gateway, parseMac(plan.gateway.mac))
    this.#numbers = new Map([...this.#ports, gateway].map((outlet, index) => [outlet, index]))
  }

  #portOn(stream: Duplex, { id: name, guest }: NetworkPort): Port {
    const { plan, onEvent } = this.#options
    const { queueBytes } = plan
    const port: Port = new Port({
      name,
      guest,
      stream,
      queueBytes,
      events: {
        onFrame: (bytes, start, end) => this.#switch.receive(port, bytes, start, end),
        onChunkEnd: () => this.#switch.endOfChunk(),
        onFull: () => onEvent({ type: 'frames dropped', port: name, limitBytes: queueBytes }),
        onDrained: (dropped) => onEvent({ type: 'queue drained', port: name, dropped }),
        onBroken: (problem) => onEvent({ type: 'port broken', port: name, problem }),
        onClosed: () => {
          this.#switch.forget(port)
          onEvent({ type: 'port closed', port: name })
        },
      },
    })
    return port
  }

  #gateway(): Gateway {
    const { plan, onEvent } = this.#options
    const mac = parseMac(plan.gateway.mac)
    const address = parseIpv4(plan.gateway.address)
    const subnet = parseSubnet(plan.subnet)
    if (mac === undefined || address === undefined || subnet === undefined)
      throw new Error(`network ${plan.name}: the plan's addresses are malformed`)
    const planned = plan.ports.map((p) => ({
      ...p,
      mac: parseMac(p.mac) ?? 0,
      address: parseIpv4(p.address ?? ''),
    }))
    const ports = planned.map(({ id, guest, mac, address }) => ({
      name: id,
      guest,
      mac,
      ...(address === undefined ? {} : { address }),
    }))
    const dhcp = {
      subnet,
      server: address,
      hasRouter: plan.router,
      hasDns: plan.dns,
      domain: plan.name,
      mtu: plan.mtu,
    }
    const names = planned.flatMap((p) =>
      p.address === undefined ? [] : [{ name: p.guest, address: p.address }],
    )
    const gateway: Gateway = new Gateway({
      mac,
      address,
      subnet,
      ...(plan.dhcp ? { dhcp: new DhcpServer({ ...dhcp, ports, onEvent }) } : {}),
      ...(plan.dns
        ? { dns: new DnsServer({ domain: plan.name, names: [...names, { name: GATEWAY, address }] }) }
        : {}),
      transmit: (frame) => {
        const bytes = framed(frame)
        this.#switch.receive(gateway, bytes, 0, bytes.length)
      },
    })
    return gateway
  }

  #record({ from, to, frame, remarks }: FrameRecord): void {
    const atMs = performance.timeOrigin + performance.now()
    const data = Buffer.from(frame)
    const names = to.map((outlet) => outlet.name)
    this.#ring.add({ atMs, from: from.name, to: names, traffic: [], remarks, data })
    this.#capture?.add({ port: this.#numbers.get(from) ?? 0, atMs, frame: data, comment: remarks.join('; ') })
  }

  attach(name: string): void {
    const port = this.#ports.find((one) => one.name === name)
    if (port === undefined) return
    port.attach()
    for (const { from, afterMs, bytes } of (this.#options.kept ?? []).filter(({ to }) => to === name)) {
      const frame = Buffer.from(bytes)
      const sender = [...this.#numbers.keys()].find((one) => one.name === from)
      if (sender && afterMs > 0) this.#switch.resume({ from: sender, to: port, bytes: frame, afterMs })
      else port.send(frame, 0, frame.length)
    }
    port.flush()
  }

  hold(): void {
    for (const port of this.#ports) port.hold()
  }

  probe(name: string): void {
    this.#ports.find((port) => port.name === name)?.probe()
  }

  unsent(): readonly number[] {
    return this.#ports.map(({ unsentBytes }) => unsentBytes)
  }

  async held(): Promise<readonly KeptFrame[]> {
    // A turn of the event loop reads all that the sockets hold: that is less than libuv reads at once.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
    return [
      ...this.#ports.flatMap(({ name: to, held }) =>
        held.flatMap(framesIn).map((bytes) => ({ to, afterMs: 0, bytes })),
      ),
      ...this.#switch
        .waiting()
        .filter(({ to }) => !to.isService)
        .map(({ from, to, afterMs, bytes }) => ({ from: from.name, to: to.name, afterMs, bytes })),
    ]
  }

  letGo(): void {
    for (const port of this.#ports) port.letGo()
  }

  addFault(id: number, fault: Fault): void {
    this.#switch.faults.add(id, fault)
  }

  removeFault(id: number): void {
    this.#switch.faults.remove(id)
  }

  partition(groups: readonly (readonly string[])[]): void {
    this.#switch.faults.partition(groups)
  }

  heal(): void {
    this.#switch.faults.clear()
  }

  link(guest: string, isUp: boolean): void {
    for (const port of this.#ports) if (isNamed(guest, port)) port.isUp = isUp
  }

  frames({ from, to, traffic }: FrameFilter): readonly NetworkFrame[] {
    const portsOf = (name: string) =>
      [...this.#numbers.keys()].filter((o) => isNamed(name, o)).map((o) => o.name)
    const [senders, receivers] = [from && portsOf(from), to && portsOf(to)]
    return this.#ring
      .all()
      .filter((frame) => !senders || senders.includes(frame.from))
      .filter((frame) => !receivers || frame.to.some((name) => receivers.includes(name)))
      .map((frame) => ({ ...frame, traffic: namesOfTraffic(trafficOf(frame.data)) }))
      .filter((frame) => traffic === undefined || frame.traffic.includes(traffic))
  }

  stats(): NetworkStats {
    const ports = this.#ports.map((port) => [
      port.name,
      { ...port.counters, waitingBytes: port.waitingBytes },
    ])
    return { ports: Object.fromEntries(ports), ways: this.#switch.ways.map((way) => ({ ...way })) }
  }

  async close(): Promise<void> {
    this.#switch.close()
    await this.#capture?.close(performance.timeOrigin + performance.now())
  }
}
