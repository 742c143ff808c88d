/** RDMA in software over a network card: how it is described. */
import * as z from 'zod'

/** Drivers of Linux that make an RDMA device of any network card. */
export const RDMA_KINDS = ['rxe', 'siw'] as const
export type RdmaKind = (typeof RDMA_KINDS)[number]

export interface RdmaConfig {
  readonly kind: RdmaKind
  /** Of the device in the guest. Default: the kind and a number. */
  readonly name?: string
}

/** IB_DEVICE_NAME_MAX of Linux is 64; `%` and `/` cannot be part of a name in sysfs. */
const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/

const zKind = z.enum(RDMA_KINDS)

export const zRdma = z.lazy(() =>
  z
    .union([
      zKind.transform((kind): RdmaConfig => ({ kind })),
      z.strictObject({
        kind: zKind.describe('`rxe`: soft-RoCE, RoCE v2 over UDP. `siw`: iWARP over TCP.'),
        name: z
          .string()
          .regex(NAME, 'letters, digits, "_", "." and "-", at most 63, a letter first')
          .optional()
          .describe('Name of the device in the guest. Default: `rxe0`, `rxe1`, …'),
      }),
      z.literal(false).transform(() => undefined),
    ])
    .optional()
    .describe(
      'RDMA device in software that the guest makes of the card: "rxe" (soft-RoCE), "siw" (iWARP), or { kind, name }. Not every profile has guests that do.',
    ),
)

interface CardConfig {
  readonly rdma?: RdmaConfig | undefined
}

/**
 * The devices with a name for each RDMA device, so that the names stay when a card is unplugged. Names that the
 * description gives are not given twice.
 */
export function withRdmaNames<C extends object>(devices: readonly C[]): readonly C[] {
  const taken = new Set(devices.flatMap((device: CardConfig) => device.rdma?.name ?? []))
  return devices.map((device) => {
    const { rdma }: CardConfig = device
    if (!rdma || rdma.name !== undefined) return device
    let number = 0
    while (taken.has(`${rdma.kind}${number}`)) number++
    const name = `${rdma.kind}${number}`
    taken.add(name)
    return { ...device, rdma: { ...rdma, name } }
  })
}

/** Kinds of RDMA that a description asks for, whatever it leaves open. */
export function rdmaKindsOf(devices: readonly unknown[]): readonly RdmaKind[] {
  const kinds = devices.flatMap((device) => {
    const { kind, rdma } = device as { readonly kind?: string; readonly rdma?: unknown }
    if (kind !== 'nic' || rdma === undefined || rdma === false || rdma === null) return []
    const wanted = typeof rdma === 'object' ? (rdma as { readonly kind?: unknown }).kind : rdma
    return RDMA_KINDS.filter((known) => known === wanted)
  })
  return [...new Set(kinds)]
}
