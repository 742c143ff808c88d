import { describe, expect, test } from 'vitest'
import { flat } from '../../../test/support/device-context.ts'
import { pasteArgv, supervisedArgv } from '../../plan/plan.ts'
import type { Facts, PortFact } from '../facts.ts'
import { checkMachine, compileMachine, type MachineInput, parseMachine } from '../machine.ts'
import { gdbServerOf } from './gdb.ts'

const facts: Facts = { files: new Map(), hostNodes: [0], hugePages: [], hostBytes: 2 ** 40, accelerators: [] }
const found = (machine: MachineInput, more: Partial<Facts> = {}) =>
  checkMachine(parseMachine('m', machine), { ...facts, ...more }, 'm').filter((d) =>
    d.code.startsWith('GDB_'),
  )
const server = ({ gdb = false, qemuArgs = [] }: MachineInput) => gdbServerOf({ gdb, qemuArgs })

test('QEMU listens on this computer only, and waits', () => {
  const args = (machine: MachineInput) => compileMachine(parseMachine('m', machine), facts, 'm').args
  expect(flat(args({ gdb: true })).join(' ')).toContain('-S -gdb tcp:127.0.0.1:0')
  expect(flat(args({ gdb: 4711 })).join(' ')).toContain('-S -gdb tcp:127.0.0.1:4711')
  expect(flat(args({ gdb: false }))).not.toContain('-gdb')
  const plan = { qemu: { path: 'qemu', version: '' }, args: args({ gdb: true }), channels: [] }
  // QEMU does not print the port that it took.
  expect(pasteArgv(plan).join(' ')).toContain('-S -gdb tcp:127.0.0.1:1234')
  const supervised = supervisedArgv(plan, { qmpFd: 3, channelFds: {}, keeper: 'k' })
  expect(supervised.filter((word) => word === '-S')).toHaveLength(1)
})

test.each<readonly [MachineInput, ReturnType<typeof server>]>([
  [{}, undefined],
  [{ qemuArgs: ['-S'] }, undefined],
  [{ qemuArgs: ['-gdb', 'none'] }, undefined],
  [{ gdb: true }, { isStopped: true, isFreePort: true }],
  [{ gdb: 99 }, { isStopped: true, isFreePort: false, remote: '127.0.0.1:99' }],
  [{ qemuArgs: ['-s'] }, { isStopped: false, isFreePort: false, remote: '127.0.0.1:1234' }],
  [{ qemuArgs: ['-s', '-S'] }, { isStopped: true, isFreePort: false, remote: '127.0.0.1:1234' }],
  [{ qemuArgs: ['-gdb', 'tcp::77'] }, { isStopped: false, isFreePort: false, remote: '127.0.0.1:77' }],
  [{ qemuArgs: ['-gdb', 'tcp:localhost:0'] }, { isStopped: false, isFreePort: true }],
  [{ qemuArgs: ['-gdb', 'unix:/s,server'] }, { isStopped: false, isFreePort: false, remote: '/s' }],
  [{ qemuArgs: ['-gdb', 'pty'] }, { isStopped: false, isFreePort: false }],
])('%j', (machine, want) => {
  expect(server(machine)).toEqual(want)
})

describe('findings', () => {
  test.each<readonly [MachineInput, readonly string[]]>([
    [{ gdb: true }, []],
    [{ gdb: true, qemuArgs: ['-S'] }, []],
    [{ qemuArgs: ['-gdb', 'tcp:127.0.0.1:1234'] }, []],
    [{ qemuArgs: ['-S'] }, ['GDB_MISSING']],
    [{ qemuArgs: ['-S', '-gdb', 'none'] }, ['GDB_MISSING']],
    [{ qemuArgs: ['-s'] }, ['GDB_OPEN']],
    [{ qemuArgs: ['-gdb', 'tcp:0.0.0.0:1'] }, ['GDB_OPEN']],
    [{ gdb: true, qemuArgs: ['-gdb', 'unix:/s'] }, ['GDB_TWICE']],
    [{ qemuArgs: ['-s', '-gdb', 'tcp:localhost:1'] }, ['GDB_TWICE', 'GDB_OPEN']],
  ])('%j: %j', (machine, codes) => {
    expect(found(machine).map((d) => d.code)).toEqual(codes)
  })

  test('a port that is taken', () => {
    const port: PortFact = {
      ...{ protocol: 'tcp', address: '127.0.0.1', port: 4711, state: 'taken' },
      holder: { uid: 0, pid: 7, command: 'gdbserver' },
    }
    expect(found({ gdb: 4711 }, { hostPorts: [port] })).toMatchObject([
      { code: 'GDB_PORT_REFUSED', path: 'gdb', what: 'port 4711: process 7 (gdbserver) has it' },
    ])
  })
})
