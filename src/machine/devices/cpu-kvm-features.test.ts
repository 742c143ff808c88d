import { expect, test } from 'vitest'
import type { Facts } from '../facts.ts'
import { compileMachine, parseMachine } from '../machine.ts'

const facts = (works: boolean): Facts => ({
  files: new Map(),
  hostNodes: [0],
  hugePages: [],
  hostBytes: 2 ** 40,
  accelerators: [{ name: 'kvm', works, reason: 'test', tookMs: 0 }],
})

test('flags that only KVM has are passed to KVM alone', () => {
  const machine = parseMachine('m', {
    cpu: { features: ['+x2apic'], kvmFeatures: ['migratable=no', '+invtsc'] },
  })
  const model = (works: boolean) => {
    const { args } = compileMachine(machine, facts(works), 'm')
    return args.find(([name]) => name === '-cpu')?.[1]
  }
  expect(model(true)).toBe('max,+x2apic,migratable=no,+invtsc')
  expect(model(false)).toBe('max,+x2apic')
})
