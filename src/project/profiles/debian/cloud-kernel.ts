/** The kernel of an image unless another is named, and what it lacks. */
import type { MachineInput } from '../../../machine/machine.ts'
import { notInCloud } from '../linux/wanted.ts'

/** Made for virtual machines, without drivers of most real hardware. */
export const CLOUD_KERNEL = 'linux-image-cloud-amd64'

/** An image has one kernel, so it is not chosen by the machine: what the machine has and the kernel lacks is said. */
export function kernelRemarks(
  { kernelPackage = CLOUD_KERNEL }: { readonly kernelPackage?: string },
  { machine }: { readonly machine: MachineInput },
): { readonly notes?: readonly string[] } {
  const lacking = /-cloud-/.test(kernelPackage) ? notInCloud(machine) : []
  if (lacking.length === 0) return {}
  const remedy = "debianProfile({ kernelPackage: 'linux-image-amd64' }) has all drivers"
  return { notes: [`${kernelPackage} has no driver ${lacking.join(', ')}; ${remedy}`] }
}
