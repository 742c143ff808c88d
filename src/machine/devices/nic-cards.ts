/** The network cards of a machine: their addresses, and which of them have a network. */
import { createHash } from 'node:crypto'
import type { MachineView } from '../device.ts'
import { type NicConfig, PASST } from './nic-schema.ts'
import { cardOfPvrdma, type PvrdmaConfig } from './pvrdma-schema.ts'

/** Stable and locally administered: QEMU's 52:54:00, then three bytes of a hash of the names. */
export function defaultMac(machine: string, id: string): string {
  const digest = createHash('sha256').update(`${machine}\0${id}`).digest()
  return ['52', '54', '00', ...[0, 1, 2].map((i) => (digest[i] ?? 0).toString(16).padStart(2, '0'))].join(':')
}

/** A card, and whether it gets an address. */
export interface Card {
  readonly id: string
  /** Path in the description. */
  readonly at: string
  readonly mac: string
  /** A network that answers DHCP, whatever the rack is. */
  readonly hasNetwork: boolean
}

export function nicsOf(machine: MachineView): readonly Card[] {
  return cardsOf(machine).map(({ id, path, config }) => ({
    id,
    at: path,
    mac: macOf(config, machine, id),
    hasNetwork: ['user', PASST].includes(config.network),
  }))
}

/** A card as a device of the machine: one that is described, or one that comes with another device. */
export interface DescribedCard {
  readonly id: string
  readonly path: string
  readonly config: NicConfig
}

/** All cards, in the order of the description. */
export function cardsOf(machine: Pick<MachineView, 'devices'>): readonly DescribedCard[] {
  return machine.devices.flatMap(({ kind, id, path, config }) => {
    if (kind === 'nic') return [{ id, path, config: config as NicConfig }]
    if (kind !== 'pvrdma') return []
    const card = cardOfPvrdma(config as PvrdmaConfig)
    return [{ id: card.id ?? id, path, config: card }]
  })
}

export function macOf(
  config: Pick<NicConfig, 'id' | 'mac'>,
  machine: Pick<MachineView, 'name'>,
  id = config.id ?? 'nic0',
): string {
  return (config.mac ?? defaultMac(machine.name, id)).toLowerCase().replaceAll('-', ':')
}

/** Cards that are described before the one at this path. */
export function earlier(machine: MachineView, path: string): readonly DescribedCard[] {
  const cards = cardsOf(machine)
  return cards.slice(
    0,
    cards.findIndex((card) => card.path === path),
  )
}
