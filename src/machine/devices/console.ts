/** The first console: COM1, or a virtio console (hvc0). Every machine has exactly one. */
import * as z from 'zod'
import { type Compiled, defineDevice, option } from '../device.ts'
import { pciFunction } from './pci-expectation.ts'

/** QEMU's chardev id of the first console; the launcher ties it to standard input and output (`src/plan/plan.ts`). */
const CHARDEV = 'console'

const type = z.lazy(() => z.enum(['serial', 'virtio']))
const object = z.lazy(() =>
  z.strictObject({
    type: type
      .default('serial')
      .describe('`serial`: COM1 (ttyS0). `virtio`: hvc0, much faster, for guests that have the driver.'),
  }),
)

const schema = z.lazy(() => z.union([type.transform((type) => ({ type })), object]))

function compile(config: z.output<typeof schema>): Compiled {
  const channels = [{ id: CHARDEV, purpose: 'console', label: 'console' }] as const
  if (config.type === 'serial')
    return {
      channels,
      args: [option('-device', 'isa-serial', { id: 'console-serial', chardev: CHARDEV, index: 0 })],
    }
  return {
    channels,
    args: [
      option('-device', 'virtio-serial-pci', { id: 'console-bus' }),
      option('-device', 'virtconsole', { id: 'console-port', bus: 'console-bus.0', chardev: CHARDEV }),
    ],
  }
}

/** The console that bringup logs, shows and waits on. */
export const console = defineDevice({
  kind: 'console',
  summary: 'The first console: COM1 or hvc0',
  schema,
  diagnostics: {},
  savedState: () => true,
  needs: (config) => ({
    types: config.type === 'serial' ? ['isa-serial'] : ['virtio-serial-pci', 'virtconsole'],
  }),
  compile,
  mustSee: (config) =>
    config.type === 'serial'
      ? [
          {
            device: 'console',
            aspect: 'COM1',
            want: 'answers',
            see: (view) => view.serialPorts && (view.serialPorts.includes(0) ? 'answers' : null),
          },
        ]
      : [pciFunction('console', '1af4:1003', 0)],
})
