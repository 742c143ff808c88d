/** Step: an RDMA device in software on a network interface (soft-RoCE). Source: rdma-link(8). */
import * as z from 'zod'
import { defineDiagnostics } from '../../diagnostics.ts'
import { findProgram } from '../../host/tools.ts'
import { defineStep } from '../../steps/step.ts'
import { zInterface } from './dummy-interface.ts'

export const problems = defineDiagnostics({
  RDMA_PROGRAM_MISSING: {
    title: 'The program rdma is missing.',
    why: 'it makes and removes RDMA devices in software',
    remedy: 'install iproute2 (Debian, Ubuntu: apt install iproute2)',
  },
  RDMA_SOFT_REFUSED: {
    title: 'The kernel refused an RDMA device in software.',
    why: 'it asks for a checksum by the name crc32, which no module declares, and has one device an interface',
    remedy:
      'read the last line; "No such file or directory" is a missing crc32_generic, "Invalid argument" a missing rdma_rxe',
    source: 'dmesg: "failed to init crc32 algorithm err:-2"',
  },
})

const schema = z.object({ device: z.string().regex(/^[\w.-]{1,60}$/), interface: zInterface })

export const softDevice = defineStep<z.output<typeof schema>, null>({
  kind: 'rdma.soft-device',
  schema,
  needs: ['root'],
  describe: ({ device, interface: name }) => `make the soft-RoCE device ${device} on ${name}`,
  async check({ device, interface: name }, host) {
    const parent = host.read(`/sys/class/infiniband/${device}/parent`)?.toString().trim()
    if (parent === name) return { state: 'done', detail: `there, on ${name}` }
    if (findProgram('rdma') === undefined)
      return {
        state: 'blocked',
        diagnostics: [problems.RDMA_PROGRAM_MISSING.at('', 'no program "rdma" in PATH')],
      }
    return {
      state: 'change',
      detail: 'there is none',
      before: null,
      commands: [
        { argv: ['rdma', 'link', 'add', device, 'type', 'rxe', 'netdev', name], asRoot: true },
        // udev loads modules for a new device a moment later, also those that are in the way.
        ...(findProgram('udevadm') === undefined
          ? []
          : [{ argv: ['udevadm', 'settle', '--timeout=30'], mayFail: true }]),
      ],
    }
  },
  async undo({ device }, _, host) {
    if (!host.stat(`/sys/class/infiniband/${device}`)) return { state: 'done', detail: 'there is none' }
    return {
      state: 'change',
      detail: 'remove it',
      commands: [{ argv: ['rdma', 'link', 'delete', device], asRoot: true }],
    }
  },
  explain: async ({ device, interface: name }, lines) => [
    problems.RDMA_SOFT_REFUSED.at('', `${device} on ${name}: ${lines.at(-1) ?? 'no reason'}`, {
      evidence: lines,
    }),
  ],
})
