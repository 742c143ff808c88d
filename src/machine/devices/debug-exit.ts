/** isa-debug-exit: a port by which the guest ends QEMU with an exit value. */
import * as z from 'zod'
import { defineDevice, option } from '../device.ts'

const object = z.lazy(() =>
  z.strictObject({
    port: z
      .int()
      .min(1)
      .max(0xfffc)
      .default(0xf4)
      .describe('I/O port. A write of `v` ends QEMU with exit status `(v << 1) | 1`.'),
  }),
)

const schema = z.lazy(() =>
  z.union([z.boolean().transform((on) => (on ? object.parse({}) : (false as const))), object]),
)

/** `debugExit: true`, or `{ port }`. Off by default. Four ports wide, so that 8, 16 and 32 bit writes all reach it. */
export const debugExit = defineDevice({
  kind: 'debugExit',
  summary: 'A port by which the guest ends the run with an exit value',
  schema,
  diagnostics: {},
  savedState: () => true,
  needs: (config) => (config === false ? {} : { types: ['isa-debug-exit'] }),
  compile: (config) =>
    config === false
      ? {}
      : {
          args: [
            option('-device', 'isa-debug-exit', { iobase: `0x${config.port.toString(16)}`, iosize: '0x04' }),
          ],
        },
  notCompared: (config) =>
    config === false
      ? []
      : [{ device: 'debugExit', aspect: 'port', because: 'only a run that ends through it proves it' }],
})
