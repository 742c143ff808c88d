/** RDMA in software over a network card: how it is described, and which links a machine has. */
import * as z from 'zod'
import type { MachineView } from '../device.ts'
import { macOf } from './nic-cards.ts'

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
      z.literal(false).transform(() => undefined),
      zKind.transform((kind): RdmaConfig => ({ kind })),
      z.strictObject({
        kind: zKind.describe('`rxe`: soft-RoCE, RoCE v2 over UDP. `siw`: iWARP over TCP.'),
        name: z
          .string()
          .regex(NAME, 'letters, digits, "_", "." and "-", at most 63, a letter first')
          .optional()
          .describe('Name of the device in the guest. Default: `rxe0`, `rxe1`, …'),
      }),
    ])
    .optional()
    .describe(
      'RDMA device in software that the guest makes of the card: "rxe" (soft-RoCE), "siw" (iWARP), or { kind, name }. Linux guests.',
    ),
)

/** An RDMA device that the guest is to make. */
export interface RdmaLink {
  /** Of the card. */
  readonly id: string
  /** Path in the description. */
  readonly at: string
  readonly mac: string
  readonly network: string
  readonly kind: RdmaKind
  readonly name: string
}

interface CardConfig {
  readonly rdma?: RdmaConfig | undefined
}

interface NamedCard extends CardConfig {
  readonly network: string
  readonly mac?: string
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

/** Every RDMA device of a machine, in the order of its cards. */
export function rdmaLinksOf(machine: MachineView): readonly RdmaLink[] {
  const cards = machine.devices.filter(({ kind }) => kind === 'nic')
  const named = withRdmaNames(cards.map(({ config }) => config as NamedCard))
  return cards.flatMap(({ id, path }, index) => {
    const card = named[index]
    if (!card?.rdma) return []
    const { kind, name = kind } = card.rdma
    const { network } = card
    return [{ id, at: `${path}.rdma`, mac: macOf(card, machine, id), network, kind, name }]
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
