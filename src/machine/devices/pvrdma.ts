/** Para-virtual RDMA: an RDMA device of this computer, shared with guests, and the card that it is paired with. */
import { resolve } from 'node:path'
import {
  type Argument,
  defineDevice,
  type Expectation,
  type Join,
  option,
  type RuleContext,
} from '../device.ts'
import type { GuestRdmaDevice, HardwareView } from '../guest-view.ts'
import { lastFreeSlot } from '../pci-slots.ts'
import { nic } from './nic.ts'
import { pciFunction } from './pci-expectation.ts'
import { problems } from './pvrdma-problems.ts'
import { checkPvrdma } from './pvrdma-rules.ts'
import { cardOfPvrdma, hostDeviceOf, hostPortOf, type PvrdmaConfig, pvrdmaSchema } from './pvrdma-schema.ts'

/** Vendor and device number (hw/rdma/vmw/pvrdma.h). */
const NUMBERS = '15ad:0820'

/** Flaws of pvrdma.c and rdma_backend.c that were fixed for 6.0 and later: CVE-2021-3582, CVE-2021-3607, CVE-2021-3608. */
const SINCE = {
  version: [6, 0],
  because:
    'pvrdma before QEMU 6.0 gets no more fixes: its guest can crash QEMU (CVE-2021-3582, CVE-2021-3607)',
} as const

export const pvrdma = defineDevice({
  kind: 'pvrdma',
  summary: 'an RDMA device of this computer, shared with guests (QEMU before 9.1)',
  schema: pvrdmaSchema,
  savedState: () => 'QEMU saves no state of pvrdma',
  diagnostics: problems,
  flag: {
    name: 'pvrdma',
    first: 'device',
    example: 'rxe0',
    help: 'share an RDMA device of this computer with the guest; bringup rdma up makes one',
  },
  usesRdma: true,
  needs: () => ({ types: ['pvrdma', 'vmxnet3'], since: SINCE }),
  place: (config, { folder }) =>
    config.multiplexer === undefined
      ? config
      : { ...config, multiplexer: resolve(folder, config.multiplexer) },
  paths: ({ multiplexer }) => (multiplexer === undefined ? [] : [multiplexer]),
  check: checkPvrdma,

  compile(config, context) {
    const { id = 'pvrdma0', port } = config
    const slot = slotOf(config, context)
    const card = nic.compile(cardOfPvrdma(config), context)
    const join = multiplexerOf(config, context)
    return {
      ...card,
      args: [
        ...(card.args ?? []).map((arg) => atFunction0(arg, slot)),
        option('-chardev', 'socket', { id: `${id}-mads`, fd: `{fd:${join.id}}` }),
        option('-device', 'pvrdma', {
          id,
          addr: `${slot}.1`,
          ibdev: hostDeviceOf(config, context.facts.rdma)?.name ?? config.device,
          ibport: port,
          netdev: join.rdma?.interface,
          'mad-chardev': `${id}-mads`,
        }),
      ],
      joins: [...(card.joins ?? []), join],
    }
  },

  topology: ({ device }) => ({ detail: device ?? '' }),

  mustSee: (config, context) => [
    ...(nic.mustSee?.(cardOfPvrdma(config), context) ?? []),
    pciFunction(`pvrdma ${config.id ?? 'pvrdma0'}`, NUMBERS, 0),
    ...verbsSeen(config, context),
  ],
  notCompared: ({ id = 'pvrdma0' }) => [
    { device: `pvrdma ${id}`, aspect: 'transfers', because: 'the comparison sends no data' },
  ],
})

/** Name that the driver gives (pvrdma_main.c, pvrdma_register_device: "vmw_pvrdma%d"). */
const DEVICE_NAME = /^vmw_pvrdma\d+$/

/** What the driver makes of the PCI function: without it there is no device for programs. */
function verbsSeen(config: PvrdmaConfig, { facts }: RuleContext): readonly Expectation[] {
  const row = (
    aspect: string,
    want: string,
    see: (device: GuestRdmaDevice) => string | undefined,
  ): Expectation => ({
    device: `pvrdma ${config.id ?? 'pvrdma0'}`,
    aspect,
    want,
    see: ({ rdmas }: HardwareView) => {
      const own = rdmas?.find(({ name }) => DEVICE_NAME.test(name))
      return rdmas && ((own && see(own)) ?? null)
    },
  })
  // The port of the guest has the state of the port of this computer (pvrdma_cmd.c, query_port).
  const state = hostPortOf(config, facts.rdma)?.state ?? 'ACTIVE'
  return [
    row('RDMA device', 'vmw_pvrdma', ({ name }) => name.replace(/\d+$/, '')),
    row('port', state, ({ ports }) => ports[0]?.state),
  ]
}

/** `1e`: hexadecimal, as QEMU reads it. */
function slotOf(config: PvrdmaConfig, { machine, path }: RuleContext): string {
  const all = machine.devices.filter(({ kind }) => kind === 'pvrdma')
  const index = Math.max(
    0,
    all.findIndex((one) => one.path === path),
  )
  return (config.slot ?? lastFreeSlot(machine, index)).toString(16)
}

const atFunction0 = ([flag, value]: Argument, slot: string): Argument =>
  flag === '-device' ? [flag, `${value},addr=${slot}.0,multifunction=on`] : [flag, value]

/** The multiplexer of the port. Where there is no such port, QEMU answers for itself. */
function multiplexerOf(config: PvrdmaConfig, { facts }: RuleContext): Join {
  const { id = 'pvrdma0', port, multiplexer } = config
  const { rdma } = facts
  const device = hostDeviceOf(config, rdma)?.name ?? config.device
  const name = device ?? 'none'
  const program = rdma?.multiplexer
  return {
    id: `${id}-mux-${name}-${port}`,
    kind: 'multiplexer',
    resource: `${name}/${port}`,
    device: id,
    rdma: {
      device: name,
      port,
      interface: hostPortOf(config, rdma)?.netdev ?? 'none',
      ...(multiplexer === undefined ? {} : { socket: multiplexer }),
      ...(program === undefined ? {} : { program }),
    },
  }
}
