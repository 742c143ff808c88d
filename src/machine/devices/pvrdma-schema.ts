/** The description of a para-virtual RDMA device, and the card that it comes with. */
import * as z from 'zod'
import { zDeviceId } from '../device-id.ts'
import type { RdmaDeviceFact, RdmaFacts, RdmaPortFact } from '../facts.ts'
import type { MemoryConfig } from './memory-options.ts'
import { backendOf } from './memory-options.ts'
import { type NicConfig, nicSchema } from './nic-schema.ts'

/** QEMU keeps it in one byte (hw/rdma/vmw/pvrdma.h, backend_port_num). */
const LAST_PORT = 255

/** Slots of the root bus. */
const LAST_SLOT = 31

export const pvrdmaSchema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('pvrdma'),
    id: zDeviceId,
    device: z
      .string()
      .min(1)
      .optional()
      .describe('RDMA device of this computer, such as "rxe0". Default: the only one that there is.'),
    port: z.int().min(0).max(LAST_PORT).default(1).describe('Port of that device, counted from 1.'),
    mac: z
      .string()
      .optional()
      .describe('MAC address of the card that belongs to it. Default: made from the names, as for a nic.'),
    network: z
      .string()
      .min(1)
      .default('user')
      .describe('Network of that card: `user`, `passt`, `none`, or a network of the rack.'),
    address: z
      .ipv4()
      .optional()
      .describe('IPv4 address that DHCP of a network of the rack gives the card. Default: the next one.'),
    slot: z
      .int()
      .min(1)
      .max(LAST_SLOT)
      .optional()
      .describe(
        'PCI slot of both: the card is function 0, the RDMA device function 1. Default: the last free one.',
      ),
    multiplexer: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Socket of an rdmacm-mux that runs already. Default: bringup starts one, which all guests of this user on that port share.',
      ),
  }),
)

export type PvrdmaConfig = z.output<typeof pvrdmaSchema>

/** The card at function 0: the guest reaches its peers by it, and its driver looks there for the link. */
export function cardOfPvrdma({ id = 'pvrdma0', mac, network, address }: PvrdmaConfig): NicConfig {
  return nicSchema.parse({
    kind: 'nic',
    id: cardId(id),
    model: 'vmxnet3',
    network,
    ...(mac === undefined ? {} : { mac }),
    ...(address === undefined ? {} : { address }),
  })
}

const cardId = (id: string) => `${id}-nic`

/** QEMU looks for shared RAM among objects of the type memory-backend-ram alone (pvrdma_main.c, pvrdma_check_ram_shared). */
export function ramForPvrdma(memory: MemoryConfig): MemoryConfig {
  return backendOf(memory) === 'ram' ? { ...memory, share: true } : memory
}

/** The device that is meant: the named one, else the only one. Undefined where it does not exist. */
export function hostDeviceOf(
  { device }: Pick<PvrdmaConfig, 'device'>,
  rdma: Pick<RdmaFacts, 'devices'> | undefined,
): RdmaDeviceFact | undefined {
  const devices = rdma?.devices ?? []
  if (device !== undefined) return devices.find(({ name }) => name === device)
  return devices.length === 1 ? devices[0] : undefined
}

export function hostPortOf(
  config: Pick<PvrdmaConfig, 'device' | 'port'>,
  rdma: Pick<RdmaFacts, 'devices'> | undefined,
): RdmaPortFact | undefined {
  return hostDeviceOf(config, rdma)?.ports.find(({ number }) => number === config.port)
}
