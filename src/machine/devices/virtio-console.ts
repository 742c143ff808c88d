/** Channels over virtio-serial: consoles (`/dev/hvc0`) and named ports (`/dev/virtio-ports/NAME`). */
import * as z from 'zod'
import { defineDiagnostics } from '../../diagnostics.ts'
import { defineDevice, type MachineView, option } from '../device.ts'
import { zDeviceId } from '../device-id.ts'
import type { HardwareView } from '../guest-view.ts'
import { pciFunction } from './pci-expectation.ts'

const schema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('virtio-console'),
    id: zDeviceId,
    name: z
      .string()
      .min(1)
      .optional()
      .describe('Makes it a port with this name, `/dev/virtio-ports/NAME` in Linux, instead of a console.'),
    purpose: z
      .enum(['log', 'shell', 'bulk'])
      .default('log')
      .describe(
        '`log`: kept in a file. `shell`: commands run over it. `bulk`: data, read by the owner of the guest.',
      ),
  }),
)

type Config = z.output<typeof schema>

/** All ports hang on one controller; the first device of the kind brings it. */
const CONTROLLER = 'virtio-serial'
/** Port 0 is kept for a console (virtio 1.2, section 5.3.2). */
const MAX_PORTS = 30

export const problems = defineDiagnostics({
  VIRTIO_CONSOLE_TOO_MANY: {
    title: 'More channels than one virtio-serial controller has ports.',
    why: 'a controller has 31 ports, the first of which only a console may use',
    remedy: `keep ${MAX_PORTS} \`virtio-console\` devices at most, or one more if it has no name`,
    source: 'QEMU: "Out-of-range port id specified, max. allowed: 30"',
    qemu: 'refuses',
  },
  VIRTIO_CONSOLE_NAME_TWICE: {
    title: 'Two channels have the same name.',
    why: 'the guest finds a port by its name',
    remedy: 'give each port a name of its own',
    source: 'QEMU: "A port already exists by name"',
    qemu: 'refuses',
  },
})

function portsOf(machine: MachineView) {
  return machine.devices.filter((d) => d.kind === 'virtio-console')
}

export const virtioConsole = defineDevice({
  kind: 'virtio-console',
  summary: 'a virtio-serial channel: a console, or a named port',
  schema,
  diagnostics: problems,
  savedState: () => true,
  needs: ({ name }) => ({
    types: ['virtio-serial-pci', name === undefined ? 'virtconsole' : 'virtserialport'],
  }),

  check({ name }, { machine, path }) {
    const ports = portsOf(machine)
    const index = ports.findIndex((d) => d.path === path)
    // The first one without a name takes port 0, which no other may have.
    const hasConsole = ports.slice(0, index + 1).some((d) => (d.config as Config).name === undefined)
    const twin = ports.slice(0, index).find((d) => name !== undefined && (d.config as Config).name === name)
    return [
      ...(index - (hasConsole ? 1 : 0) >= MAX_PORTS
        ? [problems.VIRTIO_CONSOLE_TOO_MANY.at(path, `this is channel ${index + 1}`)]
        : []),
      ...(twin
        ? [
            problems.VIRTIO_CONSOLE_NAME_TWICE.at(
              `${path}.name`,
              `"${name}" is also the name of ${twin.path}`,
            ),
          ]
        : []),
    ]
  },

  compile({ id = 'virtio-console0', name, purpose }, { machine, path }) {
    const isFirst = portsOf(machine)[0]?.path === path
    const port = { id: `${id}-port`, bus: `${CONTROLLER}.0`, chardev: id, name }
    return {
      channels: [{ id, purpose, label: name ?? id }],
      args: [
        ...(isFirst ? [option('-device', 'virtio-serial-pci', { id: CONTROLLER })] : []),
        option('-device', name === undefined ? 'virtconsole' : 'virtserialport', port),
      ],
    }
  },

  mustSee({ id = 'virtio-console0', name }, { machine }) {
    const device = `virtio-console ${id}`
    return [
      // A first console over virtio has a controller of its own.
      pciFunction(device, '1af4:1003', machine.isConsoleVirtio ? 1 : 0),
      ...(name === undefined
        ? []
        : [
            {
              device,
              aspect: 'port',
              want: name,
              see: ({ ports }: HardwareView) => ports && (ports.includes(name) ? name : null),
            },
          ]),
    ]
  },
  notCompared: ({ id = 'virtio-console0', name }) =>
    name === undefined
      ? [
          {
            device: `virtio-console ${id}`,
            aspect: 'console',
            because: 'it has no name by which a guest could report it',
          },
        ]
      : [],
})
