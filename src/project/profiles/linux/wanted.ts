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

/** The command's own program, and the tool of persistent memory where there is some. */
export function programsFor(
  machine: MachineInput,
  command: readonly string[],
): { readonly needed: readonly string[]; readonly useful: readonly string[] } {
  const [program] = command
  const useful = machine.devices?.some((d) => d.kind === 'nvdimm') && program !== 'ndctl' ? ['ndctl'] : []
  return { needed: program === undefined ? [] : [program], useful }
}
