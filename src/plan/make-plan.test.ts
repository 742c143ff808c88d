import { expect, it } from 'vitest'
import { type MachineInput, parseMachine } from '../machine/machine.ts'
import { makePlan } from './make-plan.ts'

const works = (name: 'kvm' | 'tcg', isWorking = true) =>
  ({ name, works: isWorking, reason: isWorking ? 'it ran' : 'it did not', tookMs: 1 }) as const
const judgement = { exitCodes: {}, panicPatterns: [], onPowerOff: 'passed', onReset: 'stop' } as const

const planOf = (input: MachineInput, tcgWorks = true) =>
  makePlan({
    name: 'm',
    profile: 'bare',
    machine: parseMachine('m', input),
    facts: { files: new Map(), accelerators: [works('kvm'), works('tcg', tcgWorks)] } as never,
    judgement,
  })

it('chooses TCG for what KVM cannot do, and says why', () => {
  expect(planOf({}).accelerator).toEqual({ name: 'kvm', because: 'it ran' })
  const counted = planOf({ qemuArgs: ['-icount', 'shift=auto'] })
  expect(counted.accelerator).toEqual({ name: 'tcg', because: '-icount works with TCG only' })
  expect(counted.argv.join(' ')).toContain('-accel tcg,thread=single')
  expect(planOf({ qemuArgs: ['--plugin', 'file=x.so'] }).accelerator.name).toBe('tcg')
  const codes = planOf({ qemuArgs: ['-icount', '1'] }, false).diagnostics.map((d) => d.code)
  expect(codes).toContain('ACCELERATOR_MISSING')
})

it('names shared memory by paths in a command to paste, and by descriptors in a run', () => {
  const shared = { kind: 'ivshmem', memory: 'window', size: '1M' } as const
  const { argv, supervisedArgv } = planOf({
    devices: [
      { ...shared, id: 'plain' },
      { ...shared, id: 'bell', vectors: 2 },
    ],
  })
  const [pasted, run] = [argv, supervisedArgv].map((words) => words.join(' '))
  expect(pasted).toContain('mem-path=/dev/shm/plain-memory,')
  expect(pasted).toContain('-chardev socket,id=bell-server,path=/tmp/ivshmem_socket ')
  expect(run).toContain('mem-path=/proc/self/fd/{fd:plain-memory},')
  expect(run).toContain('-chardev socket,id=bell-server,fd={fd:bell-memory} ')
})
