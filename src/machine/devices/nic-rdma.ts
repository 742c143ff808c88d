/** The RDMA devices that a machine’s cards ask for. */
import type { MachineView } from '../device.ts'
import { macOf } from './nic-cards.ts'
import { type RdmaConfig, type RdmaKind, withRdmaNames } from './nic-rdma-schema.ts'

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

interface NamedCard {
  readonly rdma?: RdmaConfig | undefined
  readonly network: string
  readonly mac?: string
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
