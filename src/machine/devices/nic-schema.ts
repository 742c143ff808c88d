/** The description of a network card. */
import * as z from 'zod'
import { zDeviceId } from '../device-id.ts'
import { zForwards } from './nic-forwards.ts'
import { zRdma } from './nic-rdma-schema.ts'

/** PCI numbers by model. */
export const MODELS = {
  'virtio-net-pci': '1af4:1000',
  e1000: '8086:100e',
  e1000e: '8086:10d3',
  vmxnet3: '15ad:07b0',
  rtl8139: '10ec:8139',
} as const

/** Each queue is a pair of descriptors and three interrupts; beyond 16 nothing was tested. */
const MOST_QUEUES = 16

export const nicSchema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('nic'),
    id: zDeviceId,
    model: z
      .enum(Object.keys(MODELS) as (keyof typeof MODELS)[])
      .default('virtio-net-pci')
      .describe('The card that the guest sees.'),
    mac: z
      .string()
      .optional()
      .describe('MAC address. Default: made from the names of machine and card, so that it stays the same.'),
    network: z
      .string()
      .min(1)
      .default('user')
      .describe(
        '`user`: QEMU’s own NAT, DHCP and DNS. `passt`: the network of this computer, through the program passt. `none`: no cable. Any other word: a network of the rack.',
      ),
    address: z
      .ipv4()
      .optional()
      .describe('IPv4 address that DHCP of a network of the rack gives the card. Default: the next one.'),
    forwards: zForwards,
    queues: z
      .int()
      .min(1)
      .max(MOST_QUEUES)
      .default(1)
      .describe(
        'Queues each way, so that several processors of the guest send at once: virtio-net-pci on a host network.',
      ),
    offloads: z
      .boolean()
      .default(true)
      .describe(
        'Whether the card computes check sums and cuts long segments. `false`: the guest does all of it itself. virtio-net-pci and e1000e.',
      ),
    rdma: zRdma,
    rom: z
      .union([z.boolean(), z.string().min(1)])
      .default(false)
      .describe(
        'Option ROM, by which firmware boots from the network: `true` for the one that QEMU has for the model, or a file. Default: none, which saves time at boot.',
      ),
  }),
)

export type NicConfig = z.output<typeof nicSchema>

/** A program that QEMU is connected to, for one card. */
export const PASST = 'passt'

/** Whether the other end of the cable is not in QEMU. */
export const isJoinedBy = (network: string) => network !== 'user' && network !== 'none'
