/** A hardware watchdog: what happens when the guest stops patting it. */

import * as z from 'zod'
import { defineDiagnostics } from '../../diagnostics.ts'
import { defineDevice, option } from '../device.ts'
import { zDeviceId } from '../device-id.ts'
import { hasAction } from '../facts.ts'
import { pciFunction } from './pci-expectation.ts'

const schema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('watchdog'),
    id: zDeviceId,
    action: z
      .enum(['reset', 'shutdown', 'poweroff', 'none', 'pause', 'inject-nmi'])
      .default('reset')
      .describe(
        'What QEMU does when the watchdog expires. `shutdown` asks the guest by ACPI; `poweroff` does not ask.',
      ),
  }),
)

export const problems = defineDiagnostics({
  WATCHDOG_TWICE: {
    title: 'The machine has more than one watchdog.',
    why: 'QEMU has one watchdog action for the whole machine; the last one given wins silently',
    remedy: 'keep one watchdog',
    source: 'qemu-options: -action watchdog=',
    qemu: 'misbehaves',
  },
})

export const watchdog = defineDevice({
  kind: 'watchdog',
  summary: 'an i6300ESB watchdog timer',
  schema,
  diagnostics: problems,
  savedState: () => true,
  flag: {
    name: 'watchdog',
    first: 'action',
    example: 'poweroff',
    help: 'add a watchdog with this action when it expires',
  },
  needs: () => ({ types: ['i6300esb'] }),

  check(_, { machine, path }) {
    const first = machine.devices.find((d) => d.kind === 'watchdog')
    return first && first.path !== path
      ? [problems.WATCHDOG_TWICE.at(path, `${first.path} is a watchdog too`)]
      : []
  },

  compile: ({ id = 'watchdog0', action }, { facts }) => ({
    args: [
      option('-device', 'i6300esb', { id }),
      hasAction(facts.qemu)
        ? option('-action', undefined, { watchdog: action })
        : option('-watchdog-action', action),
    ],
  }),

  topology: ({ action }) => ({ detail: `on expiry: ${action}` }),
  mustSee: ({ id = 'watchdog0' }) => [pciFunction(`watchdog ${id}`, '8086:25ab', 0)],
  notCompared: ({ id = 'watchdog0', action }) => [
    {
      device: `watchdog ${id}`,
      aspect: `action ${action}`,
      because: 'it takes effect only when the watchdog expires',
    },
  ],
})
