/** nrk drives one network card: `--nic MODEL` says which, where the machine of the config has one already. */
import type { MachineInput } from '../../../machine/machine.ts'

type Devices = NonNullable<MachineInput['devices']>
type Device = Devices[number]
type Card = Extract<Device, { readonly kind: 'nic' }>
export type CardModel = NonNullable<Card['model']>

const DEFAULT_ID = 'nic0'
const FLAG_LAYERS = 2

const isCard = (device: Device): device is Card => device.kind === 'nic'

/** A card of the flags without an id gets that of the only one that is described, so that they are one. */
export function oneCard(layers: readonly MachineInput[]): readonly MachineInput[] {
  const cardsOf = (machines: readonly MachineInput[]) =>
    machines.flatMap((m) => (m.devices ?? []).filter(isCard))
  const described = cardsOf(layers.slice(0, -FLAG_LAYERS))
  const asked = cardsOf(layers.slice(-FLAG_LAYERS))
  const ids = new Set(described.map((card) => card.id ?? DEFAULT_ID))
  const [id] = ids
  if (ids.size !== 1 || id === undefined || asked.length !== 1 || asked[0]?.id !== undefined) return layers
  return layers.map((machine) =>
    machine.devices
      ? {
          ...machine,
          devices: machine.devices.map((d) => (isCard(d) && d.id === undefined ? { ...d, id } : d)),
        }
      : machine,
  )
}
