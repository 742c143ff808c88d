/** Memory shared between guests: the keys of the memory, and those of the device that shows it to a guest. Pure. */
import * as z from 'zod'
import { zBytes } from '../../units.ts'
import { zDeviceId } from '../device-id.ts'

/** The doorbell register holds a vector in eight bits (QEMU hw/misc/ivshmem.c, ivshmem_io_write). */
const MOST_VECTORS = 256

const memoryKeys = () => ({
  vectors: z
    .int()
    .min(1)
    .max(MOST_VECTORS, `the doorbell register has room for ${MOST_VECTORS} vectors`)
    .optional()
    .describe('Interrupts by which each guest can ring the others. Default: none; the memory alone.'),
  file: z
    .string()
    .min(1)
    .optional()
    .describe('Backing file; created when missing. Default: memory that is gone when the run ends.'),
  hugePages: zBytes.optional().describe('Page size of the host’s huge pages to use: "2M" or "1G".'),
  hostNodes: z
    .array(z.int().nonnegative())
    .nonempty()
    .optional()
    .describe('NUMA nodes of the host that the memory comes from.'),
  policy: z
    .enum(['bind', 'preferred', 'interleave'])
    .optional()
    .describe('How `hostNodes` is meant. Default `bind`.'),
})

const size = () => zBytes.describe('A power of two, at least "4K".')

/** Memory of a rack, which its guests join by name. */
export const sharedMemorySchema = z.lazy(() => z.strictObject({ size: size(), ...memoryKeys() }))

/** Memory that guests share; sizes in bytes. */
export type SharedMemory = z.output<typeof sharedMemorySchema>

export const schema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('ivshmem'),
    id: zDeviceId,
    memory: z
      .string()
      .min(1)
      .optional()
      .describe('Name of a memory of the rack, which says size, vectors and backing.'),
    size: size().optional(),
    ...memoryKeys(),
    socket: z
      .string()
      .min(1)
      .optional()
      .describe('Socket of an ivshmem-server that runs already. Default: bringup starts one for the run.'),
    master: z
      .boolean()
      .default(false)
      .describe('Property `master` of QEMU: a migration of this guest takes the memory along.'),
  }),
)

export type IvshmemConfig = z.output<typeof schema>

/**
 * The device with what the rack says of its memory. Unchanged where the rack has no such memory: a rule says so.
 *
 * @example
 * joinMemory(device, { window: { size: 64 * MiB, vectors: 2 } })
 */
export function joinMemory<D extends Pick<IvshmemConfig, 'memory'>>(
  device: D,
  memories: Readonly<Record<string, SharedMemory>>,
): D {
  const { memory } = device
  return memory !== undefined && Object.hasOwn(memories, memory) ? { ...device, ...memories[memory] } : device
}

/** The memory of a device that passes its rules. */
export function memoryOf({
  size: bytes = 0,
  vectors,
  file,
  hugePages,
  hostNodes,
  policy,
}: IvshmemConfig): SharedMemory {
  return {
    size: bytes,
    ...(vectors === undefined ? {} : { vectors }),
    ...(file === undefined ? {} : { file }),
    ...(hugePages === undefined ? {} : { hugePages }),
    ...(hostNodes === undefined ? {} : { hostNodes }),
    ...(policy === undefined ? {} : { policy }),
  }
}
