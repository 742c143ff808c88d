/** Whether rules that hold for emulated CPUs only have to look. */
import type { MachineView } from '../device.ts'
import type { Facts } from '../facts.ts'

/** False when the machine surely runs without KVM. */
export function mayUseKvm(machine: Pick<MachineView, 'accel'>, facts: Facts): boolean {
  if (machine.accel !== 'auto') return machine.accel === 'kvm'
  return facts.accelerators.some((a) => a.name === 'kvm' && a.works)
}
