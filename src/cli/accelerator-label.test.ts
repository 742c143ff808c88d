import { expect, test } from 'vitest'
import { acceleratorLabel } from './accelerator-label.ts'

const kvm = (works: boolean) => ({ name: 'kvm', works, reason: 'a long reason', tookMs: 1 }) as const

test.each([
  ['KVM', { name: 'kvm', because: '' }, [kvm(true)]],
  ['TCG (KVM unusable: see bringup doctor)', { name: 'tcg', because: '' }, [kvm(false)]],
  ['TCG', { name: 'tcg', because: 'asked for' }, []],
] as const)('%s', (label, accelerator, accelerators) => {
  expect(acceleratorLabel({ accelerator, accelerators })).toBe(label)
})
