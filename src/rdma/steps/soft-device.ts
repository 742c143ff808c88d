/** Step: an RDMA device in software on a network interface (soft-RoCE). Source: rdma-link(8). */
import * as z from 'zod'
import { defineDiagnostics } from '../../diagnostics.ts'
import { findProgram } from '../../host/tools.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'
import { zInterface } from './dummy-interface.ts'

export const problems = defineDiagnostics({
  RDMA_PROGRAM_MISSING: {
    title: 'The program rdma is missing.',
    why: 'it makes and removes RDMA devices in software',
    remedy: 'install iproute2 (Debian, Ubuntu: apt install iproute2)',
  },
  RDMA_DEVICE_TAKEN: {
    title: 'Another RDMA device has the name that a new one should get.',
    why: 'names of RDMA devices are unique, and bringup changes no device that it has not made',
    remedy:
      'give another name with --device, or omit --device: bringup then takes the first free name; to use the existing device, omit --on',
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
    const parent = parentOf(device, host)
    if (parent === name) return { state: 'done', detail: `exists, on ${name}` }
    if (host.stat(folderOf(device)) !== undefined) {
      const what = `RDMA device ${device} exists already, ${parent === undefined ? 'not in software' : `on ${parent}`}; it was to be made on ${name}`
      return { state: 'blocked', diagnostics: [problems.RDMA_DEVICE_TAKEN.at('--device', what)] }
    }
    if (findProgram('rdma') === undefined)
      return {
        state: 'blocked',
        diagnostics: [problems.RDMA_PROGRAM_MISSING.at('', 'no program "rdma" in PATH')],
      }
    return {
      state: 'change',
      detail: 'does not exist',
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
  async undo({ device, interface: name }, _, host) {
    if (!host.stat(folderOf(device))) return { state: 'done', detail: 'does not exist' }
    const parent = parentOf(device, host)
    if (parent !== name)
      return { state: 'done', detail: `stays: it is on ${parent ?? 'hardware'} and not on ${name}` }
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

const folderOf = (device: string) => `/sys/class/infiniband/${device}`

/** Interface of a device in software; hardware has none. */
function parentOf(device: string, host: HostReader): string | undefined {
  return (
    host
      .read(`${folderOf(device)}/parent`)
      ?.toString()
      .trim() || undefined
  )
}
