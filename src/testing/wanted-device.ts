/** Devices that a guest reported, by kind, and the one that is nearest to what a test wants. */
import type {
  GuestCpu,
  GuestCxlMemory,
  GuestIvshmem,
  GuestNvdimm,
  GuestPciFunction,
  GuestView,
  GuestVirtioPmem,
} from '../machine/guest-view.ts'

/** What of a device to look for; every key that is given must be equal. */
export interface Wanted {
  readonly cpu: Partial<GuestCpu>
  readonly node: Partial<NonNullable<GuestView['nodes']>[number]>
  readonly nvdimm: Partial<GuestNvdimm>
  readonly 'virtio-pmem': Partial<GuestVirtioPmem>
  readonly ivshmem: Partial<GuestIvshmem>
  readonly cxl: Partial<GuestCxlMemory>
  readonly pci: Partial<GuestPciFunction>
  readonly serial: { readonly port?: number }
}

const FINDERS: { readonly [K in keyof Wanted]: (view: GuestView) => readonly object[] | undefined } = {
  cpu: (view) => view.cpus,
  node: (view) => view.nodes,
  nvdimm: (view) => view.nvdimms,
  'virtio-pmem': (view) => view.virtioPmems,
  ivshmem: (view) => view.ivshmems,
  cxl: (view) => view.cxl?.memories,
  pci: (view) => view.pci,
  serial: (view) => view.serialPorts?.map((port) => ({ port })),
}

export const DEVICE_KINDS = Object.keys(FINDERS) as readonly (keyof Wanted)[]

/** The devices of a kind; undefined when the guest reported nothing of that kind. */
export function reported(view: GuestView | undefined, kind: keyof Wanted): readonly object[] | undefined {
  return view && FINDERS[kind](view)
}

/** Keys in which a device differs from what is wanted, as `node: wanted 1, reported 0`. */
export function differences(device: object, wanted: object): readonly string[] {
  const values = device as Readonly<Record<string, unknown>>
  return Object.entries(wanted)
    .filter(([key, value]) => JSON.stringify(values[key]) !== JSON.stringify(value))
    .map(([key, value]) => `${key}: wanted ${JSON.stringify(value)}, reported ${JSON.stringify(values[key])}`)
}

/** The device with the fewest differences. */
export function nearestDevice(devices: readonly object[], wanted: object): object | undefined {
  return devices.toSorted((a, b) => differences(a, wanted).length - differences(b, wanted).length)[0]
}
