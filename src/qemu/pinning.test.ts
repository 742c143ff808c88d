import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import { readCpus } from '../host/cpus.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { pinVcpus } from './pinning.ts'
import { type QemuProcess, startQemu } from './process.ts'

const host = readCpus()
const [first = 0] = host.allowed
const last = host.allowed.at(-1) ?? first
let qemu: QemuProcess
beforeAll(async () => {
  qemu = await paused('multi')
})
afterAll(() => qemu[Symbol.asyncDispose]())

async function paused(thread: 'multi' | 'single'): Promise<QemuProcess> {
  const args = [
    ['-machine', 'q35'],
    ['-accel', `tcg,thread=${thread}`],
    ['-smp', '2'],
    ['-nodefaults'],
    ['-display', 'none'],
  ] as const
  const started = await startQemu({
    plan: { qemu: { path: 'qemu-system-x86_64', version: '' }, args, channels: [], locks: [] },
  })
  await started.ready
  return started
}

async function affinities(of: QemuProcess) {
  const cpus = await of.qmp.execute('query-cpus-fast')
  return cpus.map(
    (c) => /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(`/proc/${c['thread-id']}/status`, 'utf8'))?.[1],
  )
}

async function refusal(pins: GuestPlan['pins'], more: { of?: QemuProcess; host?: typeof host } = {}) {
  const error = await pinVcpus((more.of ?? qemu).qmp, pins, more.host).then(
    () => undefined,
    (e: unknown) => e,
  )
  if (error instanceof BringupError) return error.diagnostics.map((d) => `${d.code} ${d.path}: ${d.what}`)
  throw new Error('not refused', { cause: error })
}

test('each vCPU runs where it was pinned, and the rest of QEMU where it was', async () => {
  const main = readFileSync(`/proc/${qemu.pid}/status`, 'utf8')
  await pinVcpus(qemu.qmp, [
    { cpu: 0, hostCpus: [last] },
    { cpu: 1, hostCpus: [first] },
  ])
  expect(await affinities(qemu)).toEqual([`${last}`, `${first}`])
  const allowed = (text: string) => /^Cpus_allowed_list:.*$/m.exec(text)?.[0]
  expect(allowed(readFileSync(`/proc/${qemu.pid}/status`, 'utf8'))).toBe(allowed(main))
  expect(await qemu.qmp.execute('query-status')).toMatchObject({ running: false })
})

test('all that is wrong is told at once, and then nothing is pinned', async () => {
  const before = await affinities(qemu)
  const beyond = Math.max(...host.online) + 1
  expect(
    await refusal([
      { cpu: 0, hostCpus: [first] },
      { cpu: 7, hostCpus: [first] },
      { cpu: 1, hostCpus: [first, beyond] },
    ]),
  ).toEqual([
    'PIN_THREAD_MISSING pins[1].cpu: there is no CPU 7; the machine starts with 2',
    expect.stringMatching(
      new RegExp(`^PIN_HOST_CPU_MISSING pins\\[2\\].hostCpus: this computer has CPUs .*, not ${beyond}$`),
    ),
  ])
  expect(await affinities(qemu)).toEqual(before)
})

test('a CPU outside of the cpuset', async () => {
  const small = { ...host, online: [0, 1, 2, 3], allowed: [0, 1] }
  expect(await refusal([{ cpu: 0, hostCpus: [1, 2, 3] }], { host: small })).toEqual([
    'PIN_HOST_CPU_FORBIDDEN pins[0].hostCpus: this process may use CPUs 0-1, not 2-3',
  ])
})

test('a CPU that the kernel refuses although it should be there', async () => {
  const wrong = { ...host, online: [first, 8000], allowed: [first, 8000] }
  expect(await refusal([{ cpu: 0, hostCpus: [8000] }], { host: wrong })).toEqual([
    expect.stringMatching(/^PIN_FAILED pins\[0\].hostCpus: CPU 0 could not be tied to host CPUs 8000: .+/),
  ])
  expect(await refusal([{ cpu: 0, hostCpus: [first, 8000] }], { host: wrong })).toEqual([
    expect.stringMatching(/^PIN_FAILED .*: it is on \d+$/),
  ])
})

test.skipIf(first === last)('two CPUs on one thread cannot have different pins', async () => {
  await using single = await paused('single')
  const pins = [
    { cpu: 0, hostCpus: [first] },
    { cpu: 1, hostCpus: [last] },
  ]
  expect(await refusal(pins, { of: single })).toEqual([
    expect.stringMatching(/^PIN_THREAD_SHARED pins\[0\].hostCpus: CPUs 0 and 1 are both thread \d+$/),
    expect.stringMatching(/^PIN_THREAD_SHARED pins\[1\].hostCpus: CPUs 1 and 0 are both thread \d+$/),
  ])
  await pinVcpus(single.qmp, [
    { cpu: 0, hostCpus: [first] },
    { cpu: 1, hostCpus: [first] },
  ])
})
