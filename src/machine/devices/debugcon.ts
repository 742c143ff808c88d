/** The debug console: a port that kernels write characters to, as they do under Bochs and QEMU. */
import * as z from 'zod'
import { defineDevice, option } from '../device.ts'

/** Port that Bochs and QEMU answer at (docs/specs; Bochs: port_e9_hack). */
const PORT = 0xe9

const object = z.lazy(() =>
  z.strictObject({
    port: z
      .int()
      .min(1)
      .max(0xffff)
      .default(PORT)
      .describe('I/O port. What is written to it is on the console.'),
  }),
)

const schema = z.lazy(() =>
  z.union([z.boolean().transform((on) => (on ? object.parse({}) : (false as const))), object]),
)

const ID = 'debugcon'

/** `debugcon: true`, or `{ port }`. Its characters come on the console, beside those of the serial port. */
export const debugcon = defineDevice({
  kind: 'debugcon',
  summary: 'A port whose characters come on the console (0xe9)',
  schema,
  diagnostics: {},
  savedState: () => true,
  needs: (config) => (config === false ? {} : { types: ['isa-debugcon'] }),
  compile: (config) =>
    config === false
      ? {}
      : {
          channels: [
            { id: ID, purpose: 'debug', label: `port 0x${config.port.toString(16)}`, hasNoWait: 'out' },
          ],
          args: [option('-device', 'isa-debugcon', { iobase: `0x${config.port.toString(16)}`, chardev: ID })],
        },
  notCompared: (config) =>
    config === false
      ? []
      : [{ device: 'debugcon', aspect: 'port', because: 'only what a guest writes to it proves it' }],
})
