import { afterAll, beforeAll, expect, test } from 'vitest'
import { readCpus } from '../host/cpus.ts'
import { readHostNodes } from '../host/numa.ts'
import { machineSchema } from '../machine/machine-schema.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { policyText, readBinding } from './binding.ts'
import { confineThreads, pinVcpus } from './pinning.ts'
import { type QemuProcess, startQemu } from './process.ts'

const [first = 0] = readCpus().allowed
const last = readCpus().allowed.at(-1) ?? first
const machine = machineSchema.parse({ cpu: 2, memory: '128M', numa: { nodes: [{ hostNodes: [0] }, {}] } })
const pins = [
  { cpu: 0, hostCpus: [last] },
  { cpu: 1, hostCpus: [first] },
] as const
const placement: GuestPlan['placement'] = {
  strategy: 'pack',
  cores: 'exclusive',
  hostCpus: [first],
  parts: [],
}
let qemu: QemuProcess
beforeAll(async () => {
  const args = [
    ['-machine', 'q35'],
    ['-accel', 'tcg'],
    ['-smp', '2'],
    ['-m', '128M'],
    ['-object', 'memory-backend-ram,id=node0-ram,size=64M,host-nodes=0,policy=bind'],
    ['-object', 'memory-backend-ram,id=node1-ram,size=64M'],
    ['-numa', 'node,cpus=0,memdev=node0-ram'],
    ['-numa', 'node,cpus=1,memdev=node1-ram'],
    ['-nodefaults'],
    ['-display', 'none'],
  ] as const
  qemu = await startQemu({
    plan: { qemu: { path: 'qemu-system-x86_64', version: '' }, args, channels: [], locks: [] },
  })
  await qemu.ready
})
afterAll(() => qemu[Symbol.asyncDispose]())

const rows = async (plan: Partial<GuestPlan>) =>
  (await readBinding({ name: 'm', machine, pins: [], ...plan } as GuestPlan, qemu)).map(
    ({ device, aspect, want, got, ok }) => `${ok ? '✓' : '✗'} ${device} ${aspect}: ${want}; ${got}`,
  )

test.skipIf(first === last)('threads are reported as they are, before and after they are bound', async () => {
  expect(await rows({ pins, placement, machine: machineSchema.parse({}) })).toEqual([
    `✗ cpu pins: 0 on ${last}, 1 on ${first}; 0-1 on ${first}-${last}`,
    `✗ QEMU threads: ${first}; ${first}-${last}`,
  ])
  await confineThreads(qemu.pid, [first])
  await pinVcpus(qemu.qmp, pins)
  expect(await rows({ pins, placement, machine: machineSchema.parse({}) })).toEqual([
    `✓ cpu pins: 0 on ${last}, 1 on ${first}; 0 on ${last}, 1 on ${first}`,
    `✓ QEMU threads: ${first}; ${first}`,
  ])
})

test.skipIf(readHostNodes().length === 0)(
  'memory is reported with the policy that the kernel has for it',
  async () => {
    expect(await rows({})).toEqual(['✓ node 0 hostNodes: bind 0; bind 0'])
    const both = machineSchema.parse({
      cpu: 2,
      memory: '128M',
      numa: { nodes: [{ hostNodes: [1] }, { hostNodes: [0] }] },
    })
    expect(await rows({ machine: both })).toEqual([
      '✗ node 0 hostNodes: bind 1; bind 0',
      '✗ node 1 hostNodes: bind 0; default',
    ])
  },
)

test('a guest that is neither pinned nor bound has no rows', async () => {
  expect(await rows({ machine: machineSchema.parse({}) })).toEqual([])
})

test.each([
  ['7f00 bind:0 anon=4 dirty=4 N0=4 kernelpagesize_kB=4', [0], 'bind', 'bind 0'],
  ['7f00 bind:1 anon=16 N0=12 N1=4 kernelpagesize_kB=4', [1], 'bind', 'bind 1, 12 pages on node 0'],
  ['7f00 bind=static:0-1 anon=4 N1=4', [0, 1], 'bind', 'bind 0-1'],
  ['7f00 interleave:0-1,3 file=/memfd:x', [0, 1, 3], 'interleave', 'interleave 0-1,3'],
  ['7f00 prefer:1 anon=3 N0=3', [1], 'preferred', 'preferred 1'],
  ['7f00 prefer:1 anon=3', [1, 2], 'preferred', 'preferred 1-2'],
  ['7f00 prefer (many):1-2 anon=3', [1, 2], 'preferred', 'preferred 1-2'],
  ['7f00 default anon=3 N0=3', [0], 'bind', 'default'],
])('numa_maps %j', (line, nodes, policy, text) => {
  expect(policyText(line, { nodes, policy })).toBe(text)
})
