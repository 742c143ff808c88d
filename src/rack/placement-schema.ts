/** Where the guests of a rack run on this computer: cores and memory of its NUMA nodes. */
import * as z from 'zod'
import { parseCpuList } from '../cpu-list.ts'

const STRATEGIES = ['pack', 'interleave'] as const

const zCpuList = z.lazy(() =>
  z.union([
    z.array(z.int().nonnegative()).nonempty(),
    z
      .string()
      .regex(/^\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*$/, 'a list of CPUs, such as "0-3,8"')
      .transform((text) => parseCpuList(text)),
  ]),
)

const object = z.lazy(() =>
  z.strictObject({
    strategy: z
      .enum(STRATEGIES)
      .optional()
      .describe(
        '`pack`: fills one NUMA node of this computer after the other. `interleave`: each guest, or each NUMA node of a guest, gets the next node in turn. Default: `pack`.',
      ),
    cores: z
      .enum(['exclusive', 'shared'])
      .optional()
      .describe(
        '`exclusive`: no two guests of the rack use the same core. `shared`: guests share the cores of their node that no guest has alone. Default: `exclusive`.',
      ),
    threads: z
      .enum(['together', 'apart'])
      .optional()
      .describe(
        'How CPUs of a guest use the hardware threads (SMT siblings) of its own cores. `together`: all of them. `apart`: one CPU a core. Threads of a guest’s core always get threads of one core. Default: `together`.',
      ),
    memory: z
      .enum(['bind', 'any'])
      .optional()
      .describe(
        '`bind`: RAM comes from the nodes whose cores the guest has, and has to fit there. `any`: from where the kernel takes it. Default: `bind`.',
      ),
    hostNodes: z
      .array(z.int().nonnegative())
      .nonempty()
      .optional()
      .describe('NUMA nodes of this computer to place guests on. Default: all.'),
    hostCpus: zCpuList
      .optional()
      .describe('CPUs of this computer to place guests on: `"2-7"`. Default: all that bringup may use.'),
  }),
)

/** A bare word is the strategy. */
export const placementSchema = z.lazy(() =>
  z.union([z.enum(STRATEGIES).transform((strategy) => ({ strategy })), object]),
)

/** As it is written: what is omitted is inherited from the rack. */
type PlacementConfig = z.output<typeof object>

/** With defaults filled in. */
export interface Placement
  extends Required<Omit<PlacementConfig, 'hostNodes' | 'hostCpus'>>,
    Pick<PlacementConfig, 'hostNodes' | 'hostCpus'> {}

/** What a guest says over what its rack says; undefined where neither places it. */
export function placementOf(
  rack: PlacementConfig | undefined,
  guest: PlacementConfig | false | undefined,
): Placement | undefined {
  if (guest === false || (rack === undefined && guest === undefined)) return undefined
  const {
    strategy = 'pack',
    cores = 'exclusive',
    threads = 'together',
    memory = 'bind',
    ...limits
  } = {
    ...rack,
    ...guest,
  }
  return { strategy, cores, threads, memory, ...limits }
}
