/**
 * Ports of USB buses, given out as QEMU does it (hw/usb/bus.c, usb_claim_port): a device without `port` gets the port that
 * has been free for longest. Where that is the last one, QEMU attaches a hub of its own there first, in chains of up to
 * five, and the device goes behind it. Hubs run at full speed, so a port for high speed alone takes none.
 */
import { type Diagnostic, type DiagnosticKind, defineDiagnostics } from '../diagnostics.ts'
import type { MachineView } from './device.ts'
import { type QemuOption, readQemuArgs } from './qemu-args.ts'
import { type Controller, hubPorts, type Port, readUsb, type UsbDevice } from './usb-devices.ts'

export const problems = defineDiagnostics({
  USB_BUS_MISSING: {
    title: 'A USB device without a USB bus.',
    why: 'the machine has no USB controller of its own, and a controller must stand before its devices',
    remedy: 'add a controller in front of it: --qemu-arg -device --qemu-arg qemu-xhci',
    source: 'QEMU: "No \'usb-bus\' bus found for device", "Bus \'…\' not found"',
    qemu: 'refuses',
  },
  USB_PORTS_FULL: {
    title: 'A USB bus has more devices than ports.',
    why: 'QEMU adds hubs of 8 ports behind the last port, five in a row at most, and none where the port has no full speed (12 Mb/s)',
    remedy:
      'add a controller and put devices on its bus: --qemu-arg -device --qemu-arg qemu-xhci,id=more,p2=15,p3=15, and bus=more.0 at the devices',
    source: 'QEMU: "tried to attach usb device … to a bus with no free ports", "usb hub chain too deep"',
    qemu: 'refuses',
  },
  USB_PORT_TAKEN: {
    title: 'A USB port that is in use, or that the bus does not have.',
    why: 'a port is numbered from 1 on, behind a hub HUB.PORT, and takes one device; devices without `port` get the first free ones',
    remedy: 'name another port, or omit `port`',
    source: 'QEMU: "usb port … (bus …) not found (in use?)"',
    qemu: 'refuses',
  },
  USB_SPEED_UNFIT: {
    title: 'A USB device at a port that lacks its speed.',
    why: 'EHCI has high speed only, UHCI, OHCI and hubs have full speed only, xHCI has all',
    remedy: 'put it on an xHCI: --qemu-arg -device --qemu-arg qemu-xhci',
    source: 'QEMU: "speed mismatch trying to attach usb device"',
    qemu: 'refuses',
  },
  USB_HUB_ADDED: {
    severity: 'note',
    title: 'QEMU adds a USB hub.',
    why: 'before the last free port of a bus is taken, QEMU puts a hub there; what is behind it runs at full speed (12 Mb/s)',
    remedy: 'nothing, if that is fast enough; else give the controller more ports: qemu-xhci,p2=15,p3=15',
    source: 'QEMU hw/usb/bus.c, usb_claim_port',
    qemu: 'accepts',
  },
})

export function checkUsbPorts({ type, qemuArgs }: MachineView): readonly Diagnostic[] {
  const own = readQemuArgs(qemuArgs)
  const { controllers, devices, isSure } = readUsb(own, type)
  if (devices.length === 0) return []
  const buses = new Map(controllers.map((controller) => [controller, startBus(controller)]))
  const found = devices.flatMap((device): readonly Diagnostic[] => {
    const controller = controllerOf(device, controllers)
    const bus = controller && buses.get(controller)
    if (device.bus === undefined && !isSure) return []
    if (!bus) return [missing(device, controllers)]
    const refusal = attach(bus, device)
    return refusal ? [refusal.kind.at(pathOf(device), `${device.name}: ${refusal.what}`)] : []
  })
  return [...found, ...[...buses.values()].flatMap(hubNote)]
}

const pathOf = ({ option }: { readonly option: QemuOption }) => `qemuArgs[${option.index + 1}]`

/** QEMU takes the youngest of the controllers that stand in front of the device. */
function controllerOf(device: UsbDevice, controllers: readonly Controller[]): Controller | undefined {
  const before = controllers.filter((c) => c.order < device.order)
  return device.bus === undefined ? before.at(-1) : before.find((c) => c.bus === device.bus)
}

function missing(device: UsbDevice, controllers: readonly Controller[]): Diagnostic {
  const buses = controllers.filter((c) => c.order < device.order).map((c) => c.bus)
  const known =
    buses.length === 0
      ? 'no USB controller stands in front of it'
      : `the buses in front of it are ${buses.join(' and ')}`
  const what = `${device.name}: ${device.bus === undefined ? '' : `bus ${device.bus} does not exist; `}${known}`
  return problems.USB_BUS_MISSING.at(pathOf(device), what)
}

/** A bus while devices are attached to it. */
interface Bus {
  readonly controller: Controller
  free: readonly Port[]
  /** Those that went behind a hub of QEMU's own. */
  readonly hubbed: UsbDevice[]
  readonly added: Set<string>
}

const startBus = (controller: Controller): Bus => ({
  controller,
  free: controller.ports,
  hubbed: [],
  added: new Set(),
})

interface Refusal {
  readonly kind: DiagnosticKind
  readonly what: string
}

function attach(bus: Bus, device: UsbDevice): Refusal | undefined {
  const name = bus.controller.bus
  if (device.port !== undefined) {
    const port = bus.free.find(({ path }) => path === device.port)
    return port
      ? take(bus, port, device)
      : { kind: problems.USB_PORT_TAKEN, what: `${name} has no free port ${device.port}` }
  }
  if (bus.free.length === 1 && !device.hub) addHub(bus)
  const [port] = bus.free
  if (!port)
    return {
      kind: problems.USB_PORTS_FULL,
      what: `${name} of ${bus.controller.type} has ${bus.controller.ports.length} ports, and no free one`,
    }
  return take(bus, port, device)
}

function take(bus: Bus, port: Port, device: UsbDevice): Refusal | undefined {
  const fits = device.speeds === undefined || device.speeds.some((speed) => port.speeds.includes(speed))
  const name = bus.controller.bus
  if (!fits)
    return {
      kind: problems.USB_SPEED_UNFIT,
      what: `it has ${device.speeds?.join(' and ')} speed, and port ${port.path} of ${name} ${port.speeds.join(' and ')}`,
    }
  const behind = device.hub ? hubPorts(port, device.hub.ports) : []
  if (!behind)
    return {
      kind: problems.USB_PORTS_FULL,
      what: `it would be the sixth hub in a row at port ${port.path} of ${name}`,
    }
  bus.free = [...bus.free.filter((p) => p !== port), ...behind]
  if ([...bus.added].some((hub) => port.path.startsWith(`${hub}.`))) bus.hubbed.push(device)
  return undefined
}

const MOST_PORTS = 8

/** Where no hub fits, the device takes the port itself. */
function addHub(bus: Bus): void {
  const [last] = bus.free
  const behind = last?.speeds.includes('full') ? hubPorts(last, MOST_PORTS) : undefined
  if (!last || !behind) return
  bus.free = behind
  bus.added.add(last.path)
}

function hubNote({ controller, hubbed }: Bus): readonly Diagnostic[] {
  const [first] = hubbed
  if (!first) return []
  const names = hubbed.map(({ name }) => name)
  const what = `${controller.bus} of ${controller.type} has ${controller.ports.length} ports; behind a hub: ${names.length > 3 ? `${names.length} devices, from ${names[0]} on` : names.join(' and ')}`
  return [problems.USB_HUB_ADDED.at(pathOf(first), what)]
}
