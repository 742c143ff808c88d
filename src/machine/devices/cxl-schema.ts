/** The description of CXL memory, and how bridges, ports and windows follow from it. */
import * as z from 'zod'
import { MiB, zBytes } from '../../units.ts'
import type { MachineView } from '../device.ts'
import { zDeviceId } from '../device-id.ts'
import { type Backing, backingFile, backingKeys } from './backing.ts'

export const cxlSchema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('cxl'),
    id: zDeviceId,
    size: zBytes.describe('Capacity, a multiple of 256M.'),
    type: z
      .enum(['persistent', 'volatile'])
      .default('persistent')
      .describe('`persistent`: with a label area, for namespaces. `volatile`: RAM beyond the sockets.'),
    ...backingKeys(),
    backing: z
      .enum(['file', 'ram'])
      .optional()
      .describe(
        '`file` keeps the content; `ram` forgets it when QEMU ends. Default: `file` if persistent, else `ram`.',
      ),
    label: zBytes
      .optional()
      .describe(
        'Size of the label area (LSA), in a file of its own. Default: 128K for persistent memory, none for volatile.',
      ),
    bridge: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9._-]*$/, 'a bridge is named like a device')
      .optional()
      .describe(
        'Name of the host bridge. Memory with the same name is behind one bridge, each on a root port. Default: a bridge of its own, with the name of the device.',
      ),
    window: zBytes
      .optional()
      .describe(
        'Size of the bridge’s fixed memory window, a multiple of 256M. Said by one device of a bridge. Default: what its memory needs.',
      ),
  }),
)

export type CxlConfig = z.output<typeof cxlSchema>

/** CXL counts capacities in units of 256 MiB (CXL 3.0, 8.2.9.8.1.1), and so do QEMU’s windows. */
export const CAPACITY_UNIT = 256 * MiB
/** Two index blocks and labels; what `ndctl` makes of an NVDIMM’s label area. */
const DEFAULT_LABEL = 128 * 1024

/** QEMU gives volatile memory a label area too, where one is named (docs/system/devices/cxl.rst). */
export const labelBytes = ({ type, label }: CxlConfig): number =>
  label ?? (type === 'persistent' ? DEFAULT_LABEL : 0)

/** The keys that say where the content lies, with the default that depends on the type. */
export function backingOf(config: CxlConfig): Backing {
  return { ...config, backing: config.backing ?? (config.type === 'persistent' ? 'file' : 'ram') }
}

/** The file of the memory, and that of its label area. */
export function cxlFiles(
  config: CxlConfig,
  machine: Pick<MachineView, 'name' | 'home'>,
): { readonly memory: string | undefined; readonly label: string | undefined } {
  const memory = backingFile(backingOf(config), machine)
  return { memory, label: memory === undefined || labelBytes(config) === 0 ? undefined : `${memory}.labels` }
}

export interface CxlBridge {
  readonly name: string
  /** PCI bus of the bridge, which is also its UID in the CEDT. */
  readonly bus: number
  readonly windowBytes: number
  /** In the order of their ports: port n leads to bus + 1 + n. */
  readonly members: readonly { readonly path: string; readonly config: CxlConfig }[]
}

/** Bus 0 and what firmware numbers behind it end well below. */
const FIRST_BUS = 32

/**
 * Linux up to 6.1 takes a bridge with one port for one that passes everything through, and does not program its decoder;
 * QEMU before 8.0 always decodes, so that reads of the window give zeros and writes are lost silently.
 */
export const LEAST_PORTS = 2

/** The bridges of a machine in the order in which they are first named. */
export function cxlBridges(machine: Pick<MachineView, 'devices'>): readonly CxlBridge[] {
  const members = new Map<string, { path: string; config: CxlConfig }[]>()
  for (const { kind, id, path, config } of machine.devices) {
    if (kind !== 'cxl') continue
    const name = (config as CxlConfig).bridge ?? id
    members.set(name, [...(members.get(name) ?? []), { path, config: config as CxlConfig }])
  }
  let bus = FIRST_BUS
  return [...members].map(([name, list]) => {
    const bridge = { name, bus, windowBytes: windowOf(list.map((m) => m.config)), members: list }
    bus += 1 + Math.max(list.length, LEAST_PORTS)
    return bridge
  })
}

function windowOf(configs: readonly CxlConfig[]): number {
  const needed = configs.reduce((sum, c) => sum + Math.ceil(c.size / CAPACITY_UNIT) * CAPACITY_UNIT, 0)
  return configs.find((c) => c.window !== undefined)?.window ?? Math.max(needed, CAPACITY_UNIT)
}

/** Where one device stands: its bridge, the bridge’s number, and its port. */
export function cxlPlace(machine: Pick<MachineView, 'devices'>, path: string) {
  const bridges = cxlBridges(machine)
  const index = bridges.findIndex((b) => b.members.some((m) => m.path === path))
  const bridge = bridges[index]
  if (!bridge) throw new Error(`no CXL memory at ${path}`)
  const port = bridge.members.findIndex((m) => m.path === path)
  const before = bridges.slice(0, index).reduce((sum, b) => sum + b.members.length, 0)
  return { bridge, index, port, ordinal: before + port }
}
