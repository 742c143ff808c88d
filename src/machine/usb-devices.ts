/** USB controllers and devices of the user's own arguments for QEMU. Ports and speeds are those of QEMU 7.2. Pure. */
import { devicesInOrder, type QemuOption } from './qemu-args.ts'

export type Speed = 'full' | 'high' | 'super'

export interface Port {
  /** `2`, or behind a hub at port 2 `2.5`. */
  readonly path: string
  readonly speeds: readonly Speed[]
  /** Hubs between the bus and the port. */
  readonly hubs: number
}

export interface Controller {
  readonly type: string
  /** Name of its bus: `ID.0`, or `usb-bus.N` without an id. */
  readonly bus: string
  readonly ports: readonly Port[]
  /** Place on the command line. */
  readonly order: number
}

export interface UsbDevice {
  /** As a reader knows it: its id or its option. */
  readonly name: string
  readonly option: QemuOption
  readonly order: number
  readonly bus: string | undefined
  readonly port: string | undefined
  /** Undefined where they are those of a real device. */
  readonly speeds: readonly Speed[] | undefined
  readonly hub?: { readonly ports: number }
}

const HUBS_IN_A_ROW = 5

/** Ports of a hub at that port; undefined where the chain would be too long. */
export function hubPorts({ path, hubs }: Port, count: number): readonly Port[] | undefined {
  if (hubs === HUBS_IN_A_ROW) return undefined
  return Array.from({ length: count }, (_, i) => ({
    path: `${path}.${i + 1}`,
    speeds: ['full'] as const,
    hubs: hubs + 1,
  }))
}

const portsOf = (speeds: readonly (readonly Speed[])[]): readonly Port[] =>
  speeds.map((list, i) => ({ path: `${i + 1}`, speeds: list, hubs: 0 }))

const times = (count: number, speeds: readonly Speed[]) => Array.from({ length: count }, () => speeds)

const UHCI = /^(piix[34]|vt82c686b|ich9)-usb-uhci[1-6]?$/
const UHCI_PORTS = 2
const EHCI = /^(usb-ehci|ich9-usb-ehci[12])$/
/** The only ones that QEMU lets have companions. */
const WITH_COMPANIONS = /^ich9-usb-ehci[12]$/
const EHCI_PORTS = 6
const XHCI = /^(qemu|nec-usb)-xhci$/
const XHCI_PORTS = 4
const XHCI_MOST = 15
const OHCI_PORTS = 3

/** Ports of a controller by itself; undefined for other devices. */
function ownPorts({ head = '', keys }: QemuOption): readonly Port[] | undefined {
  const number = (key: string, standard: number) => Number(keys.get(key) ?? standard)
  if (UHCI.test(head)) return portsOf(times(UHCI_PORTS, ['full']))
  if (head === 'pci-ohci') return portsOf(times(number('num-ports', OHCI_PORTS), ['full']))
  if (EHCI.test(head)) return portsOf(times(EHCI_PORTS, ['high']))
  if (!XHCI.test(head)) return undefined
  const [p2, p3] = [number('p2', XHCI_PORTS), number('p3', XHCI_PORTS)].map((n) => Math.min(n, XHCI_MOST))
  const speeds = Array.from({ length: Math.max(p2 ?? 0, p3 ?? 0) }, (_, i): readonly Speed[] => [
    ...(i < (p2 ?? 0) ? (['full', 'high'] as const) : []),
    ...(i < (p3 ?? 0) ? (['super'] as const) : []),
  ])
  return portsOf(speeds)
}

/** What `-usb` makes: on a q35 an EHCI with UHCIs for its slower devices. */
const BY_USB: Readonly<Record<string, Pick<Controller, 'type' | 'ports'>>> = {
  q35: { type: 'ich9-usb-ehci1', ports: portsOf(times(EHCI_PORTS, ['full', 'high'])) },
  pc: { type: 'piix3-usb-uhci', ports: portsOf(times(UHCI_PORTS, ['full'])) },
}

/** Found by attaching each device to a bus of full and to one of high speed. Those that are not listed have any. */
const SPEEDS: Readonly<Record<string, readonly Speed[]>> = {
  'usb-kbd': ['full', 'high'],
  'usb-mouse': ['full', 'high'],
  'usb-tablet': ['full', 'high'],
  'usb-wacom-tablet': ['full'],
  'usb-storage': ['full', 'high', 'super'],
  'usb-bot': ['full', 'high', 'super'],
  'usb-uas': ['high', 'super'],
  'usb-mtp': ['full', 'high', 'super'],
  'usb-audio': ['full'],
  'usb-braille': ['full'],
  'usb-serial': ['full'],
  'usb-net': ['full'],
  'usb-ccid': ['full'],
  'usb-hub': ['full'],
}
const HUB_PORTS = 8
/** What `-usbdevice` calls those that differ; the others have no speed to go by. */
const USBDEVICE: Readonly<Record<string, string>> = {
  keyboard: 'usb-kbd',
  mouse: 'usb-mouse',
  tablet: 'usb-tablet',
  'wacom-tablet': 'usb-wacom-tablet',
  braille: 'usb-braille',
}

const isUsbDevice = (head: string) =>
  Object.hasOwn(SPEEDS, head) || /^(usb-host|usb-redir|u2f-\w+)$/.test(head)
const isOn = (text: string | undefined) => text === 'on' || text === 'true' || text === 'yes'

export interface Usb {
  readonly controllers: readonly Controller[]
  readonly devices: readonly UsbDevice[]
  /** Whether it is known to which bus a device without `bus` goes. */
  readonly isSure: boolean
}

/** Controllers and devices in the order in which QEMU makes them. */
export function readUsb(own: readonly QemuOption[], machineType: string): Usb {
  const byUsb = Object.hasOwn(BY_USB, machineType) ? BY_USB[machineType] : undefined
  const early = own.filter((o) => o.name === 'usbdevice')
  const isAsked =
    early.length > 0 ||
    own.some((o) => o.name === 'usb' || (/^(machine|M)$/.test(o.name) && isOn(o.keys.get('usb'))))
  // Those of -usb and -usbdevice stand before those of -device.
  const late = devicesInOrder(own)
  const makers = late.flatMap((option, i) => {
    const ports = ownPorts(option)
    // A companion has no bus: its ports are those of its master.
    return ports && !option.keys.has('masterbus') ? [{ option, ports, order: i + 1 }] : []
  })
  let unnamed = 0
  const nextName = () => `usb-bus.${unnamed++}`
  const controllers = [
    ...(isAsked && byUsb ? [{ ...byUsb, bus: nextName(), order: -1 }] : []),
    ...makers.map(({ option, ports, order }): Controller => {
      const id = option.keys.get('id')
      const bus = id === undefined ? nextName() : `${id}.0`
      const type = option.head ?? ''
      const all = WITH_COMPANIONS.test(type) ? withCompanions(ports, bus, late.slice(order)) : ports
      return { type, bus, ports: all, order }
    }),
  ]
  return {
    controllers,
    devices: [
      ...early.map((option) => deviceOf(option, USBDEVICE[option.head ?? ''] ?? '', 0)),
      ...late.flatMap((option, i) =>
        isUsbDevice(option.head ?? '') ? [deviceOf(option, option.head ?? '', i + 1)] : [],
      ),
    ],
    isSure:
      byUsb !== undefined &&
      (controllers.length < 2 || makers.every(({ option }) => isOnRoot(option.keys.get('bus')))),
  }
}

const isOnRoot = (bus: string | undefined) => bus === undefined || bus === 'pcie.0' || bus === 'pci.0'

/** A companion takes the slower devices of some ports of its EHCI. */
function withCompanions(ports: readonly Port[], bus: string, later: readonly QemuOption[]): readonly Port[] {
  const firsts = later
    .filter((o) => UHCI.test(o.head ?? '') && o.keys.get('masterbus') === bus)
    .map((o) => Number(o.keys.get('firstport') ?? 0))
  return ports.map((port, i) =>
    firsts.some((first) => i >= first && i < first + UHCI_PORTS)
      ? { ...port, speeds: ['full', 'high'] }
      : port,
  )
}

function deviceOf(option: QemuOption, type: string, order: number): UsbDevice {
  const { keys } = option
  const isSlow = keys.get('usb_version') === '1'
  const speeds = Object.hasOwn(SPEEDS, type) ? SPEEDS[type] : undefined
  return {
    name: keys.get('id') ?? `-${option.name} ${option.head ?? ''}`,
    option,
    order,
    bus: keys.get('bus'),
    port: keys.get('port'),
    speeds: isSlow && speeds ? ['full'] : speeds,
    ...(type === 'usb-hub' ? { hub: { ports: Number(keys.get('ports') ?? HUB_PORTS) } } : {}),
  }
}
