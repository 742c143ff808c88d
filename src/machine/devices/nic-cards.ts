/** The network cards of a machine: their addresses, and which of them have a network. */
import { createHash } from 'node:crypto'
import type { MachineView } from '../device.ts'
import { type NicConfig, PASST } from './nic-schema.ts'

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
  return machine.devices.flatMap(({ kind, id, path, config }) =>
    kind === 'nic'
      ? [
          {
            id,
            at: path,
            mac: macOf(config as NicConfig, machine, id),
            hasNetwork: ['user', PASST].includes((config as NicConfig).network),
          },
        ]
      : [],
  )
}

export function macOf(config: NicConfig, machine: MachineView, id = config.id ?? 'nic0'): string {
  return (config.mac ?? defaultMac(machine.name, id)).toLowerCase().replaceAll('-', ':')
}

/** Cards that are described before the one at this path. */
export function earlier(machine: MachineView, path: string) {
  const nics = machine.devices.filter((d) => d.kind === 'nic')
  return nics.slice(
    0,
    nics.findIndex((d) => d.path === path),
  )
}
