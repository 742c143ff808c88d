/** The memory section's schema, and what follows from it: backends, slots, maximum. */
import * as z from 'zod'
import { GiB, KiB, MiB, zBytes } from '../../units.ts'
import { type Argument, type MachineView, option } from '../device.ts'

/** Firmware finds no room below that. */
export const LEAST_RAM = 8 * MiB

const hostNodes = z.lazy(() => z.array(z.int().nonnegative()).nonempty())

const object = z.lazy(() =>
  z.strictObject({
    size: zBytes
      .optional()
      .describe(
        'RAM at boot. Default: what the NUMA nodes add up to where each says its memory, else 256M, and as much as `hugePages` and `max` allow.',
      ),
    backend: z
      .enum(['ram', 'memfd', 'file'])
      .optional()
      .describe(
        'What holds the RAM on the host: anonymous memory, a memory file, or a file. Default: `file` with a path, `memfd` with hugePages, else `ram`.',
      ),
    path: z
      .string()
      .min(1)
      .optional()
      .describe('A file, or a folder in which QEMU makes an unnamed one (a hugetlbfs mount, say).'),
    prealloc: z.boolean().default(false).describe('Touch every page before the guest starts.'),
    hugePages: zBytes.optional().describe('Page size of the host’s huge pages to use: "2M" or "1G".'),
    share: z.boolean().default(false).describe('Map the memory so that other processes can share it.'),
    hostNodes: hostNodes.optional().describe('NUMA nodes of the host that the memory comes from.'),
    policy: z
      .enum(['bind', 'preferred', 'interleave'])
      .optional()
      .describe('How `hostNodes` is meant. Default `bind`.'),
    slots: z.int().nonnegative().optional().describe('DIMM slots. Default: one per DIMM (NVDIMMs included).'),
    max: zBytes
      .optional()
      .describe('RAM plus all DIMMs that may ever be plugged. Default: just what is needed.'),
    hotplug: z
      .strictObject({
        size: zBytes.describe('Bytes in all.'),
        slots: z.int().positive().default(1).describe('NVDIMMs that they may be divided into.'),
      })
      .optional()
      .describe('Room for NVDIMMs that are plugged while the machine runs, beyond the devices described.'),
  }),
)

export const memorySchema = z.lazy(() =>
  z.union([zBytes.transform((size) => object.parse({ size })), object]),
)

/** Memory options with defaults filled in; sizes in bytes. */
export type MemoryConfig = Readonly<Omit<z.output<typeof memorySchema>, 'hostNodes'>> & {
  readonly hostNodes?: readonly number[]
}

/** What a NUMA node may say otherwise than the machine. */
export interface BackendOverrides {
  readonly hostNodes?: readonly number[]
  readonly policy?: MemoryConfig['policy']
}

/** What the RAM is made of, after defaults. */
export function backendOf(memory: MemoryConfig): 'ram' | 'memfd' | 'file' {
  return (
    memory.backend ?? (memory.path !== undefined ? 'file' : memory.hugePages !== undefined ? 'memfd' : 'ram')
  )
}

/** The `-object` that holds `bytes` of guest RAM as the memory section wants it. */
export function memoryBackend(
  id: string,
  bytes: number,
  memory: MemoryConfig,
  overrides: BackendOverrides = {},
): Argument {
  const backend = backendOf(memory)
  const nodes = overrides.hostNodes ?? memory.hostNodes
  const policy = overrides.policy ?? memory.policy ?? (nodes === undefined ? undefined : 'bind')
  return option('-object', `memory-backend-${backend}`, {
    id,
    size: bytes,
    'mem-path': backend === 'file' ? memory.path : undefined,
    hugetlb: backend === 'memfd' && memory.hugePages !== undefined ? true : undefined,
    hugetlbsize: backend === 'memfd' ? memory.hugePages : undefined,
    // memfd is shared unless told otherwise, the others are private: say it always where it is not the default.
    share: backend === 'memfd' || memory.share ? memory.share : undefined,
    prealloc: memory.prealloc ? true : undefined,
    'host-nodes': nodes,
    policy,
  })
}

/** RAM that needs no backend object of its own. */
export const isPlain = (memory: MemoryConfig) =>
  backendOf(memory) === 'ram' &&
  !memory.prealloc &&
  !memory.share &&
  memory.hostNodes === undefined &&
  memory.policy === undefined

/** Slots and maximum that go into `-m`, in bytes; undefined when there is nothing to plug. */
export function slotsAndMax(
  memory: Pick<MemoryConfig, 'slots' | 'max' | 'hotplug'>,
  machine: Pick<MachineView, 'ramBytes' | 'dimms'>,
): { readonly slots: number; readonly maxBytes: number } | undefined {
  const { dimms, ramBytes } = machine
  const { hotplug } = memory
  if (dimms.length === 0 && memory.max === undefined && !memory.slots && !hotplug) return undefined
  // QEMU counts the plain sum of the DIMMs against maxmem; alignment gaps come out of 1 GiB of address space that
  // it keeps per slot (hw/i386/pc.c, enforce_aligned_dimm). Tried with DIMMs of odd sizes: the sum is enough.
  const inSlots = dimms.filter((d) => d.hasSlot).length
  const least = dimms.length > 0 || hotplug ? 0 : 1
  const slots = memory.slots ?? Math.max(least, inSlots) + (hotplug?.slots ?? 0)
  // Without slots there is no such spare room, and each one begins at a multiple of up to 2 MiB.
  const unit = slots === 0 ? 2 * MiB : 1
  const described = dimms.reduce((sum, d) => sum + alignUp(d.bytes, unit), 0)
  const needed = alignUp(ramBytes + described + (hotplug?.size ?? 0), 4 * KiB)
  // Slots without room are refused, so empty ones get a GiB each.
  const roomy = needed === ramBytes ? needed + slots * GiB : needed
  return { slots, maxBytes: memory.max ?? roomy }
}

const alignUp = (bytes: number, unit: number) => Math.ceil(bytes / unit) * unit

/** 640 KiB to 1 MiB, which the SRAT leaves out of the node that holds address 0 (hw/i386/acpi-build.c). */
export const HOLE_BYTES = 0x60000
