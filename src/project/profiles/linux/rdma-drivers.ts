/** Kernels without the drivers that RDMA devices of a guest need are refused before the boot. */
import { existsSync, readFileSync } from 'node:fs'
import { type Diagnostic, defineDiagnostics } from '../../../diagnostics.ts'
import { rdmaKindsOf } from '../../../machine/devices/nic-rdma-schema.ts'
import type { MachineInput } from '../../../machine/machine.ts'
import { driversNotBuiltIn } from './kernel-image.ts'
import { PVRDMA_MODULE } from './wanted.ts'

export const problems = defineDiagnostics({
  LINUX_RDMA_DRIVER_MISSING: {
    title: 'The kernel lacks a driver that an RDMA device needs.',
    why: 'kernels for clouds have no rdma_rxe, and no kernel of Debian 12 has siw or vmw_pvrdma; the guest has no RDMA device then',
    remedy:
      'omit `kernelPackage`: bringup then boots the distribution’s full kernel, which has rdma_rxe, and builds vmw_pvrdma for it',
  },
})

/** Options of Kconfig by driver, for a kernel that is built. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  ib_uverbs: ['INFINIBAND', 'INFINIBAND_USER_ACCESS'],
  rdma_ucm: ['INFINIBAND_ADDR_TRANS', 'INFINIBAND_USER_ACCESS'],
  rdma_rxe: ['RDMA_RXE', 'CRYPTO_CRC32'],
  siw: ['RDMA_SIW'],
  vmxnet3: ['VMXNET3'],
  [PVRDMA_MODULE]: ['INFINIBAND', 'INFINIBAND_VMWARE_PVRDMA'],
}

interface Wants {
  readonly given: string | undefined
  readonly kernelPackage: string | undefined
  readonly rdmaDrivers: readonly string[]
  /** Path of the first such device in the description. */
  readonly rdmaAt: string
}

/** @param missing names that are neither a module nor listed as built in */
export async function wrongWithRdma(
  { release, image }: { readonly release: string; readonly image?: string },
  { given, kernelPackage, rdmaDrivers, rdmaAt }: Wants,
  missing: readonly string[],
  signal: AbortSignal,
): Promise<readonly Diagnostic[]> {
  // That one is built for a kernel of the distribution (`pvrdma-module.ts`).
  const isBuilt = (name: string) => given === undefined && name === PVRDMA_MODULE
  const withoutModule = rdmaDrivers.filter((name) => missing.includes(name) && !isBuilt(name))
  const file = given ?? image
  if (withoutModule.length === 0 || file === undefined || !existsSync(file)) return []
  const absent = await driversNotBuiltIn(readFileSync(file), withoutModule, signal)
  if (absent === undefined || absent.length === 0) return []
  const what = `kernel ${release} has no ${absent.join(' and no ')}, neither built in nor as a module`
  const remedy = remedyFor(absent, given === undefined ? kernelPackage : given, given !== undefined)
  return [problems.LINUX_RDMA_DRIVER_MISSING.at(rdmaAt, what, { remedy })]
}

function remedyFor(absent: readonly string[], named: string | undefined, isFile: boolean): string {
  const options = [...new Set(absent.flatMap((name) => OPTIONS[name] ?? []))]
  const build = `a kernel with ${options.map((name) => `CONFIG_${name}=y`).join(', ')} (--kernel PATH, with its modules in lib/modules beside it)`
  const withRxe = absent.includes('siw') ? 'set rdma to "rxe"' : 'omit --kernel and `kernelPackage`'
  if (isFile) return `boot ${build}, or ${withRxe} to use the distribution’s full kernel`
  if (absent.includes('siw')) return `set rdma to "rxe", or boot ${build}`
  return named === undefined
    ? `boot ${build}`
    : `replace kernelPackage "${named}" by "linux-image-amd64", or omit it`
}

/** Path of the first device that RDMA drivers are for. */
export function rdmaPathOf({ devices = [] }: MachineInput): string {
  const index = devices.findIndex((device) => device.kind === 'pvrdma' || rdmaKindsOf([device]).length > 0)
  if (index === -1) return ''
  return devices[index]?.kind === 'pvrdma' ? `devices[${index}]` : `devices[${index}].rdma`
}
