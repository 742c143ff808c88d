/** What adding a device to a machine that runs comes to. Pure: QEMU is not asked here. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { Plug } from './device.ts'
import { slotsAndMax } from './devices/memory-options.ts'
import { problems as memoryProblems } from './devices/memory-rules.ts'
import type { Facts } from './facts.ts'
import { checkMachine, type MachineConfig, parseMachine } from './machine.ts'
import type { DeviceConfig, MachineInput } from './machine-schema.ts'
import { partsOf, viewOf } from './parts.ts'

export const problems = defineDiagnostics({
  HOTPLUG_UNSUPPORTED: {
    title: 'A device of this kind cannot be added while the machine runs.',
    why: 'bringup plugs NVDIMMs; for other devices QEMU has no place on the buses that machines have ("Bus \'pcie.0\' does not support hotplugging")',
    remedy: 'describe the device from the start',
    source: 'QEMU: "does not support hotplugging"',
    qemu: 'refuses',
  },
  HOTPLUG_NO_ROOM: {
    title: 'The machine has no slot, or not enough room, for another NVDIMM.',
    why: 'slots and maxmem are fixed when QEMU starts',
    remedy: 'reserve room in the description: memory: { hotplug: { slots: 2, size: "512M" } }',
    source:
      'QEMU: "no slots where allocated", "no free slots available", "not enough space, currently 0x… in use of total space for memory devices"',
    qemu: 'refuses',
  },
  HOTPLUG_REFUSED: {
    title: 'QEMU did not add the device.',
    why: 'its message is below; the device was removed completely',
    remedy: 'see the message of QEMU below',
  },
  UNPLUG_UNSUPPORTED: {
    title: 'QEMU does not remove a device of this kind while the machine runs.',
    why: 'QEMU supports plugging NVDIMMs, but not unplugging them',
    remedy: 'end the machine, and start it again without the device',
    source: 'QEMU: "nvdimm device hot unplug is not supported yet."',
    qemu: 'refuses',
  },
  UNPLUG_TIMEOUT: {
    title: 'The guest did not release a device.',
    why: 'unplugging needs the guest’s consent, which may be busy; the device is still attached',
    remedy: 'read the guest’s console, or allow more time',
  },
  UNPLUG_UNKNOWN: {
    title: 'The machine has no device with that id.',
    why: 'devices are removed by the ids that they have in the description, or got when they were plugged',
    remedy: 'use one of the ids in the message',
  },
})

type DeviceInput = NonNullable<MachineInput['devices']>[number]

/** One device with defaults filled in. @throws BringupError with everything that is wrong with the description */
export function parseDevice(input: DeviceInput): DeviceConfig {
  const [device] = parseMachine('plugged', { devices: [input] }).devices
  if (!device) throw new Error('a machine of one device has none')
  return device
}

/** The machine with one device more, and no more slots and room than it was started with. */
export function withDevice(machine: MachineConfig, device: DeviceConfig, name: string): MachineConfig {
  const { hotplug: _, ...memory } = machine.memory
  const room = slotsAndMax(machine.memory, viewOf(name, machine))
  const fixed = { slots: room?.slots ?? 0, max: room?.maxBytes ?? viewOf(name, machine).ramBytes }
  return {
    ...machine,
    memory: { ...memory, ...fixed } as MachineConfig['memory'],
    devices: [...machine.devices, device],
  }
}

/** The ids of the devices, those that were left open included. */
export function deviceIds(machine: MachineConfig): readonly string[] {
  return partsOf(machine).flatMap((part) => (part.path.startsWith('devices[') ? [part.id] : []))
}

/** The machine without that device. Names of others do not change by it. */
export function withoutDevice(machine: MachineConfig, id: string): MachineConfig {
  const ids = deviceIds(machine)
  const named = machine.devices.map((device, i) => ({ ...device, id: ids[i] }) as DeviceConfig)
  return { ...machine, devices: named.filter((device) => device.id !== id) }
}

const NO_ROOM: readonly string[] = [
  memoryProblems.MEMORY_SLOTS_TOO_FEW.code,
  memoryProblems.MEMORY_MAX_TOO_SMALL.code,
]

/** What plugging the last device of a machine needs, and what is in the way: the rules of its kind, and room. */
export function planPlug(
  machine: MachineConfig,
  facts: Facts,
  name: string,
): { readonly id: string; readonly plug?: Plug; readonly diagnostics: readonly Diagnostic[] } {
  const part = partsOf(machine).at(-1)
  if (!part) throw new Error('a machine has parts')
  const { device, config, path, id } = part
  if (!device.plug) {
    const what = `"${id}" is a device of kind "${device.kind}"`
    return { id, diagnostics: [problems.HOTPLUG_UNSUPPORTED.at(path, what)] }
  }
  const diagnostics = checkMachine(machine, facts, name).flatMap((found) =>
    NO_ROOM.includes(found.code)
      ? [problems.HOTPLUG_NO_ROOM.at(path, found.what)]
      : found.path.startsWith(path)
        ? [found]
        : [],
  )
  return { id, plug: device.plug(config, { machine: viewOf(name, machine), facts, path }), diagnostics }
}
