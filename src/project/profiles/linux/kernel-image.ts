/**
 * Linux kernel images. QEMU enters an uncompressed kernel directly (PVH), which saves the guest from unpacking itself
 * (0.2 s under TCG); it is inside the bzImage that distributions ship.
 *
 * Source: Documentation/arch/x86/boot.rst of Linux, "The Real-Mode Kernel Header".
 */

import { bufferSource } from '../../../elf.ts'
import { readKernel } from '../../../plan/kernel-file.ts'
import { isCompressed, isGzip, unpack } from './compressed.ts'

/** What the header of a bzImage says. */
export interface BzImage {
  /** `6.1.0-56-cloud-amd64`; the name of its folder of modules. */
  readonly release: string
  /** The compressed kernel; undefined before boot protocol 2.08. */
  readonly payload?: Buffer
}

/** Undefined when the file is no bzImage. */
export function readBzImage(file: Buffer): BzImage | undefined {
  if (file.length < 0x260 || file.toString('latin1', 0x202, 0x206) !== 'HdrS') return undefined
  const protocol = file.readUInt16LE(0x206)
  const versionAt = file.readUInt16LE(0x20e) + 0x200
  const versionEnd = file.indexOf(0, versionAt)
  const release =
    file.toString('latin1', versionAt, Math.min(versionEnd, versionAt + 256)).split(' ')[0] ?? ''
  if (protocol < 0x208) return { release }
  const setup = ((file.readUInt8(0x1f1) || 4) + 1) * 512
  const start = setup + file.readUInt32LE(0x248)
  return { release, payload: file.subarray(start, start + file.readUInt32LE(0x24c)) }
}

/**
 * The kernel inside a bzImage, if it can be unpacked here and entered directly; undefined otherwise, and then the
 * bzImage itself boots.
 */
export async function extractVmlinux(bzImage: Buffer, signal?: AbortSignal): Promise<Buffer | undefined> {
  const vmlinux = await unpackKernel(bzImage, signal)
  return vmlinux && hasPvhEntry(vmlinux) ? vmlinux : undefined
}

/** The kernel inside a bzImage; undefined where it cannot be unpacked here. */
async function unpackKernel(bzImage: Buffer, signal?: AbortSignal): Promise<Buffer | undefined> {
  const payload = readBzImage(bzImage)?.payload
  if (!payload) return undefined
  // The build appends the unpacked size to every format but gzip (scripts/Makefile.lib of Linux, size_append).
  const isBare = !isCompressed(payload) || isGzip(payload)
  return unpack(isBare ? payload : payload.subarray(0, -4), signal)
}

/** Texts that the kernel itself contains when these drivers are built in, by the name of their module. */
const BUILT_IN_TEXTS: Readonly<Record<string, string>> = {
  // Name of the PCI driver, drivers/virtio/virtio_pci_common.c.
  virtio_pci: 'virtio-pci\0',
  // Name of the class of ports, drivers/char/virtio_console.c.
  virtio_console: 'virtio-ports\0',
  // Name of the driver, net/9p/trans_virtio.c.
  '9pnet_virtio': '9pnet_virtio\0',
  // Prefix of its messages, drivers/infiniband/sw/rxe/rxe.h.
  rdma_rxe: 'rdma_rxe: ',
  // drivers/infiniband/sw/siw/siw_main.c.
  siw: 'SoftiWARP attached',
  // Name of the class of devices, drivers/infiniband/core/uverbs_main.c.
  ib_uverbs: 'infiniband_verbs',
  // Name of the device file, drivers/infiniband/core/ucma.c.
  rdma_ucm: 'infiniband/rdma_cm',
  // First message, drivers/net/vmxnet3/vmxnet3_int.h.
  vmxnet3: 'VMware vmxnet3 virtual NIC driver',
  // Name of its devices, drivers/infiniband/hw/vmw_pvrdma/pvrdma_main.c.
  vmw_pvrdma: 'vmw_pvrdma%d',
}

/** Which of these drivers the kernel does not contain; undefined where its image cannot be read. */
export async function driversNotBuiltIn(
  image: Buffer,
  modules: readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[] | undefined> {
  const kernel = readBzImage(image) === undefined ? image : await unpackKernel(image, signal)
  // An ELF file or an unpacked kernel names its version; anything else was not understood.
  if (kernel?.includes('Linux version ') !== true) return undefined
  return modules.filter((name) => {
    const text = BUILT_IN_TEXTS[name]
    return text !== undefined && !kernel.includes(text, 0, 'latin1')
  })
}

/** True for a 64-bit kernel that QEMU enters directly, by the note that names its 32-bit entry (PVH). */
export function hasPvhEntry(file: Buffer): boolean {
  const kernel = readKernel(bufferSource(file))
  return kernel?.protocol === 'pvh' && kernel.bits === 64 && kernel.flaws.length === 0
}
