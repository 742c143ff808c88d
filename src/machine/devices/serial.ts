/** Serial ports beyond the first: COM2 to COM4, each a log of its own. */
import * as z from 'zod'
import { defineDiagnostics } from '../../diagnostics.ts'
import { defineDevice, type MachineView, option } from '../device.ts'
import { zDeviceId } from '../device-id.ts'

const schema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('serial'),
    id: zDeviceId,
  }),
)

/** A PC has four: COM1 is the console. */
const MAX_EXTRA = 3

export const problems = defineDiagnostics({
  SERIAL_TOO_MANY: {
    title: 'The machine has more serial ports than a PC has addresses for.',
    why: 'COM1 to COM4 have fixed addresses, and COM1 is the console',
    remedy: 'keep three `serial` devices at most; `virtio-console` gives thirty more channels',
    source: 'QEMU: "Max. supported number of ISA serial ports is 4."',
    qemu: 'refuses',
  },
})

/** COM2 is 1. */
function portOf(machine: MachineView, path: string): number {
  return machine.devices.filter((d) => d.kind === 'serial').findIndex((d) => d.path === path) + 1
}

export const serial = defineDevice({
  kind: 'serial',
  summary: 'a serial port beyond COM1, logged to a file of its own',
  schema,
  diagnostics: problems,
  savedState: () => true,
  needs: () => ({ types: ['isa-serial'] }),

  check(_, { machine, path }) {
    const port = portOf(machine, path)
    return port > MAX_EXTRA ? [problems.SERIAL_TOO_MANY.at(path, `this would be COM${port + 1}`)] : []
  },

  compile({ id = 'serial0' }, { machine, path }) {
    const port = portOf(machine, path)
    return {
      channels: [{ id, purpose: 'log', label: `serial ${port}`, hasNoWait: 'both' }],
      // The number is said, so that the order of QEMU's options does not decide which port this is.
      args: [option('-device', 'isa-serial', { id: `${id}-port`, chardev: id, index: port })],
    }
  },

  mustSee({ id = 'serial0' }, { machine, path }) {
    const port = portOf(machine, path)
    return [
      {
        device: `serial ${id}`,
        aspect: 'port',
        want: `COM${port + 1}`,
        see: (view) => view.serialPorts && (view.serialPorts.includes(port) ? `COM${port + 1}` : null),
      },
    ]
  },
})
