/**
 * Rules of para-virtual RDMA against real QEMU, as far as a computer without RDMA devices shows them. Those that need a
 * device are shown in a guest that has one: `npm run test:rdma`.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readRdmaFacts } from '../../src/host/rdma.ts'
import { problems } from '../../src/machine/devices/pvrdma-problems.ts'
import type { RdmaFacts } from '../../src/machine/facts.ts'
import { checkMachine, compileMachine, type MachineInput, parseMachine } from '../../src/machine/machine.ts'
import { gatherFacts } from '../../src/plan/gather.ts'
import { readCapabilities } from '../../src/qemu/capabilities.ts'
import { findQemu } from '../../src/qemu/find.ts'
import { startQemu } from '../../src/qemu/process.ts'
import { MiB } from '../../src/units.ts'

const folder = mkdtempSync(join(tmpdir(), 'pvrdma-'))
const multiplexer = createServer()
beforeAll(async () => {
  multiplexer.listen(join(folder, 'mux'))
  await once(multiplexer, 'listening')
})
afterAll(() => {
  multiplexer.close()
  rmSync(folder, { recursive: true, force: true })
})

const qemu = async () =>
  readCapabilities(findQemu('x86_64'), 'x86_64', join(folder, 'cache'), new AbortController().signal)

/** A device that looks right, so that only what a case is about is wrong. */
const fits: RdmaFacts = {
  devices: [
    {
      name: 'rxe0',
      uverbs: '/dev/infiniband/uverbs0',
      ports: [
        { number: 1, state: 'ACTIVE', linkLayer: 'Ethernet', netdev: 'd0', gids: [], umad: '/dev/umad0' },
      ],
    },
  ],
  managers: [],
  refused: [],
  multiplexer: '/usr/bin/rdmacm-mux',
}

type Item = NonNullable<MachineInput['devices']>[number]
const pvrdma = (more: object = {}): Item => ({ kind: 'pvrdma', network: 'none', ...more }) as Item

async function answerOf(input: MachineInput, rdma: RdmaFacts) {
  const machine = parseMachine('m', { memory: '64M', ...input })
  const facts = { ...gatherFacts([], { accelerators: [] }), rdma }
  const compiled = compileMachine(machine, facts, 'm')
  const connection = connect(join(folder, 'mux'))
  await once(connection, 'connect')
  const process = await startQemu({
    plan: {
      ...compiled,
      args: [['-accel', 'tcg'], ...compiled.args],
      qemu: { path: 'qemu-system-x86_64', version: '' },
    },
    joins: new Map(compiled.joins.map(({ id }) => [id, connection])),
  })
  const end = await process.exited
  connection.destroy()
  const found = checkMachine(machine, facts, 'm').filter(
    ({ severity, path }) => severity === 'error' && path.startsWith('devices['),
  )
  const codes = found.map(({ code }) => code)
  return { codes, status: end.status, signal: end.signal, stderr: end.stderr }
}

test.for<[code: keyof typeof problems, machine: MachineInput]>([
  ['PVRDMA_RAM_UNFIT', { memory: { size: 64 * MiB, backend: 'memfd' }, devices: [pvrdma()] }],
  ['PVRDMA_RAM_UNFIT', { memory: { size: 64 * MiB, path: '/dev/shm' }, devices: [pvrdma()] }],
  // "nvdimm0-memory" comes behind "ram" in QEMU's table of objects.
  ['PVRDMA_RAM_BESIDE', { devices: [pvrdma(), { kind: 'nvdimm', size: '64M', backing: 'ram' } as Item] }],
  ['PVRDMA_RAM_BESIDE', { devices: [pvrdma()], qemuArgs: ['-object', 'memory-backend-ram,id=x,size=1M'] }],
])('%s: QEMU refuses it', async ([code, machine], { skip }) => {
  skip(!(await qemu()).types.includes('pvrdma'), 'this QEMU has no pvrdma')
  const { codes, status, stderr } = await answerOf(machine, fits)
  expect(codes).toEqual([code])
  expect(status).toBe(1)
  const words = 'Only shared memory backed ram is supported'
  expect(stderr).toContain(words)
  expect(problems[code].source).toContain(words)
})

test('PVRDMA_NO_DEVICE: QEMU crashes without a device', async ({ skip }) => {
  skip(!(await qemu()).types.includes('pvrdma'), 'this QEMU has no pvrdma')
  const here = readRdmaFacts(undefined)
  skip(here.devices.length > 0, 'this computer has RDMA devices')
  const { codes, signal, stderr } = await answerOf(
    { devices: [pvrdma()] },
    { ...fits, devices: here.devices },
  )
  expect(codes).toEqual(['PVRDMA_NO_DEVICE'])
  expect(signal).toBe('SIGSEGV')
  expect(stderr).toMatch(/Failed to get IB devices list|No IB devices were found/)
  expect(problems.PVRDMA_NO_DEVICE.source).toContain('No IB devices were found')
})
