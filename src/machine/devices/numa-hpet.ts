/** One ACPI table too many: machines that go without a HPET, so that the firmware installs the others. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import type { MachineView } from '../device.ts'
import { distancePairs, type NumaConfig, usesHmat } from './numa-options.ts'

export const problems = defineDiagnostics({
  ACPI_WITHOUT_HPET: {
    severity: 'note',
    title: 'The machine goes without a HPET.',
    why: 'with distances, HMAT, NVDIMMs, CXL and a HPET the firmware installs none of QEMU’s ACPI tables, most likely because QEMU’s list of what is to be done with them outgrows 4 KiB after the firmware has read its size',
    remedy: 'nothing, if that is all right; without distances or HMAT the HPET comes back',
    source: 'seen with QEMU 7.2, SeaBIOS and qboot; one table less, and all are there',
    qemu: 'accepts',
  },
})

/** True where SLIT, HMAT, the two tables of NVDIMMs and the one of CXL come together. */
export function needsHpetLeftOut(numa: NumaConfig, { devices }: MachineView): boolean {
  const has = (kind: string) => devices.some((device) => device.kind === kind)
  return usesHmat(numa) && distancePairs(numa).length > 0 && has('nvdimm') && has('cxl')
}

export function checkHpet(numa: NumaConfig, machine: MachineView): readonly Diagnostic[] {
  if (!needsHpetLeftOut(numa, machine)) return []
  return [problems.ACPI_WITHOUT_HPET.at('', 'distances, HMAT, NVDIMMs and CXL together')]
}
