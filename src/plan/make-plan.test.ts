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
