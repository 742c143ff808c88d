/** The kernel of an image unless another is named, and what it lacks. */
import type { Diagnostic } from '../../../diagnostics.ts'
import type { MachineInput } from '../../../machine/machine.ts'
import { problems, rdmaPathOf } from '../linux/rdma-drivers.ts'
import { NOT_IN_DEBIAN, notInCloud, PVRDMA_MODULE, rdmaDriversOf } from '../linux/wanted.ts'

/** Made for virtual machines, without drivers of most real hardware. */
export const CLOUD_KERNEL = 'linux-image-cloud-amd64'

const isOfCloud = (kernelPackage: string) => /-cloud-/.test(kernelPackage)

/** A guest without the driver of an RDMA device has none, so that the image is not even made. */
export function kernelProblems(
  { kernelPackage = CLOUD_KERNEL }: { readonly kernelPackage?: string },
  { machine }: { readonly machine: MachineInput },
): readonly Diagnostic[] {
  const absent = [...NOT_IN_DEBIAN, ...(isOfCloud(kernelPackage) ? notInCloud(machine) : [])]
  const lacking = rdmaDriversOf(machine).filter((name) => absent.includes(name))
  if (lacking.length === 0) return []
  const what = `${kernelPackage} has no ${lacking.join(' and no ')}`
  return [problems.LINUX_RDMA_DRIVER_MISSING.at(rdmaPathOf(machine), what, { remedy: remedyFor(lacking) })]
}

function remedyFor(lacking: readonly string[]): string {
  if (lacking.includes(PVRDMA_MODULE))
    return 'use --profile linux (in a rack `profile: "linux"`), which builds the driver for its kernel'
  const profile =
    "use a profile with the full kernel: profiles: [debianProfile({ name: 'debian-rdma', kernelPackage: 'linux-image-amd64', packages: ['ibverbs-providers', 'ibverbs-utils', 'rdmacm-utils'] })], or profile linux"
  return lacking.includes('siw') ? `set rdma to "rxe", and ${profile}` : profile
}

/** An image has one kernel, so it is not chosen by the machine: what the machine has and the kernel lacks is said. */
export function kernelRemarks(
  { kernelPackage = CLOUD_KERNEL }: { readonly kernelPackage?: string },
  { machine }: { readonly machine: MachineInput },
): { readonly notes?: readonly string[] } {
  const drivers = rdmaDriversOf(machine)
  const lacking = isOfCloud(kernelPackage)
    ? notInCloud(machine).filter((name) => !drivers.includes(name))
    : []
  if (lacking.length === 0) return {}
  const remedy = "debianProfile({ kernelPackage: 'linux-image-amd64' }) has them"
  return { notes: [`${kernelPackage} has no driver ${lacking.join(', ')}; ${remedy}`] }
}
