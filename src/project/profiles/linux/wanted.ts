/** What a guest on a given machine needs: modules for its devices, the tools that go with them. Pure. */
import type { MachineInput } from '../../../machine/machine.ts'

type DeviceInput = NonNullable<MachineInput['devices']>[number]

const NIC_MODULES: Readonly<Record<string, string>> = { vmxnet3: 'vmxnet3', e1000: 'e1000', e1000e: 'e1000e' }
const DISK_MODULES: Readonly<Record<string, readonly string[]>> = {
  virtio: ['virtio_blk'],
  nvme: ['nvme'],
  ide: ['ata_piix', 'ahci', 'sd_mod'],
}

function modulesOf(device: DeviceInput): readonly string[] {
  switch (device.kind) {
    case 'nvdimm':
      return ['nfit', 'nd_pmem', 'nd_btt', 'dax_pmem', 'device_dax']
    case 'virtio-pmem':
      return ['virtio_pmem', 'nd_pmem', 'nd_btt', 'dax_pmem', 'device_dax']
    case 'cxl':
      return [
        'cxl_acpi',
        'cxl_pci',
        'cxl_mem',
        'cxl_port',
        'cxl_pmem',
        'nd_pmem',
        'nd_btt',
        'dax_pmem',
        'device_dax',
      ]
    case 'disk':
      return DISK_MODULES[device.bus ?? 'virtio'] ?? []
    case 'nic':
      return [NIC_MODULES[device.model ?? ''] ?? 'virtio_net']
    case 'watchdog':
      return ['i6300esb', 'iTCO_wdt']
    default:
      return []
  }
}

/** The command channel's own, then those of the devices. */
export function modulesFor(machine: MachineInput): readonly string[] {
  return [...new Set(['virtio_pci', 'virtio_console', ...(machine.devices ?? []).flatMap(modulesOf)])]
}

/** Files whose reading waits until drivers have probed: without it `ndctl` may come before the NVDIMMs. */
export function waitsFor(machine: MachineInput): readonly string[] {
  return machine.devices?.some((d) => d.kind === 'nvdimm') ? ['/sys/class/nd/ndctl0/device/wait_probe'] : []
}

/** Tools of hardware, which a command may call from within `sh -c` or a script of its own. */
const TOOLS = ['ndctl', 'daxctl', 'numactl', 'lspci', 'mkfs.ext4', 'mkfs.xfs', 'ibv_devinfo', 'rdma'] as const

/**
 * The program that the command starts with, and tools that are of use: those that its words name, or, for a guest that
 * is talked to later, the tool of persistent memory where there is some. A tool costs time at boot (ndctl 0.09 s under
 * TCG for its 9 MB), so no guest has one that it does not use.
 */
export function programsFor(
  machine: MachineInput,
  command: readonly string[],
): { readonly needed: readonly string[]; readonly useful: readonly string[] } {
  const [program, ...words] = command
  if (program === undefined) return { needed: [], useful: waitsFor(machine).length > 0 ? ['ndctl'] : [] }
  const named = new Set(words.flatMap((word) => word.split(/[^\w.+-]+/)))
  return { needed: [program], useful: TOOLS.filter((tool) => tool !== program && named.has(tool)) }
}
