/** Binds QEMU's threads as the plan says, before the guest runs, and proves it. */
import { BringupError } from '../diagnostics.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { Comparison } from '../plan/verify.ts'
import { problems, readBinding } from '../qemu/binding.ts'
import { confineThreads, pinVcpus } from '../qemu/pinning.ts'
import type { QmpClient } from '../qemu/qmp.ts'

/**
 * What threads and memory are bound to, as the kernel says.
 *
 * @throws BringupError PIN_…, BINDING_DIFFERS
 */
export async function bind(
  plan: GuestPlan,
  { qmp, pid }: { readonly qmp: QmpClient; readonly pid: number },
): Promise<readonly Comparison[]> {
  const { pins, placement } = plan
  if (placement) await confineThreads(pid, placement.hostCpus)
  if (pins.length > 0) await pinVcpus(qmp, pins)
  const rows = await readBinding(plan, { qmp, pid })
  const wrong = rows.filter(({ ok, got }) => !ok && got !== null)
  if (wrong.length === 0) return rows
  const what = wrong.map(
    ({ device, aspect, want, got }) => `${device} ${aspect}: ${want} planned, ${got} found`,
  )
  throw new BringupError([problems.BINDING_DIFFERS.at('', what.join('; '))])
}
